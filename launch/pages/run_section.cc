#include "launch/pages/run_section.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include "launch/console/text_table.h"
#include "launch/pages/page_numbers.h"
#include "launch/pages/time_bars.h"

namespace octet {
namespace {

bool IsWait(const std::string& phase) {
  return phase == "late ranks" || absl::StartsWith(phase, "exposed ");
}

void AddRunFacts(HtmlPage& page, const RunReport& run) {
  const auto count = [](int64_t n) { return absl::StrCat(n); };
  HtmlTable table = {.caption = "The run", .head = {"", ""}, .rows = {}};
  table.rows = {{"version", run.version()},
                {"numerics class", run.numerics_class()},
                {"ranks", count(run.ranks())},
                {"ranks in each expert-parallel group", count(run.ep_size())},
                {"threads of each rank", count(run.threads())},
                {"requests answered", count(run.requests())},
                {"requests refused", count(run.failed_requests())},
                {"done by earlier attempts", count(run.resumed_requests())},
                {"prompt tokens computed", count(run.prompt_tokens())},
                {"tokens generated", count(run.generated_tokens())},
                {"steps", count(run.steps())},
                {"prompt tokens/s while prefilling", NumeralOf(run.prefill_tokens_per_s())},
                {"tokens/s while only decoding", NumeralOf(run.decode_tokens_per_s())},
                {"loading, s", NumeralOf(run.load_seconds())},
                {"run, s", NumeralOf(run.run_seconds())},
                {"slots busy while requests waited", PercentOf(run.slot_occupancy())},
                {"steps that waited for the KV cache", count(run.kv_waits())},
                {"KV cache full in those", PercentOf(run.kv_occupancy())},
                {"preemptions", count(run.preemptions())},
                {"tokens computed again", count(run.recomputed_tokens())},
                {"prompt tokens asked of the prefix cache", count(run.prefix_cache_queries())},
                {"found there", count(run.prefix_cache_hits())},
                {"draft tokens computed", count(run.draft_tokens())},
                {"accepted", count(run.accepted_tokens())},
                {"experts moved", count(run.experts_moved())},
                {"journal, s", NumeralOf(run.journal_seconds())},
                {"journal, processor s", NumeralOf(run.journal_cpu_seconds())},
                {"watchdogs of all ranks, processor s", NumeralOf(run.watchdog_cpu_seconds())}};
  page.Table(table);
}

void AddRunRefusals(HtmlPage& page, const RunReport& run) {
  if (run.refusals().empty()) return;
  HtmlTable table = {.caption = "Why lines were refused, the most frequent reason first",
                     .head = {"code", "lines", "first line", "message of that line"},
                     .rows = {}};
  for (const Refusal& refusal : run.refusals()) {
    table.rows.push_back({refusal.code(), absl::StrCat(refusal.lines()),
                          absl::StrCat(refusal.first_line()), refusal.message()});
  }
  page.Table(table);
}

void AddRunBalance(HtmlPage& page, const RunReport& run) {
  if (run.expert_load().empty()) return;
  HtmlTable table = {
      .caption = "Balancedness (mean / max) and the busiest, by layer",
      .head = {"layer", "experts", "ranks", "busiest expert / mean", "busiest rank / mean"},
      .rows = {}};
  const TokenCounts experts = ExpertTokens(run), ranks = RankTokens(run);
  for (int l = 0; l < run.expert_load_size(); ++l) {
    table.rows.push_back({absl::StrCat(l), NumeralOf(run.expert_load(l).expert_balancedness()),
                          NumeralOf(run.expert_load(l).rank_balancedness()),
                          NumeralOf(MaxOverMeanOf(experts[l])),
                          NumeralOf(MaxOverMeanOf(ranks[l]))});
  }
  page.Table(table);
}

void AddRunTraffic(HtmlPage& page, const RunReport& run) {
  HtmlTable table = {.caption = "Bytes that ranks sent to others, of all ranks",
                     .head = {"kind", "bytes", "", "of these, read in place", ""},
                     .rows = {}};
  for (const TrafficBytes& kind : run.traffic()) {
    table.rows.push_back({kind.kind(), absl::StrCat(kind.bytes()), BytesText(kind.bytes()),
                          absl::StrCat(kind.bytes_in_place()), BytesText(kind.bytes_in_place())});
  }
  page.Table(table);
}

void AddRunMemory(HtmlPage& page, const RunReport& run) {
  HtmlTable table = {.caption = "Memory of each rank; replicated weights are once on each host",
                     .head = {"rank", "host", "replicated weights", "experts", "KV cache at most",
                              "read from the checkpoint"},
                     .rows = {}};
  for (const RankMemory& memory : run.rank_memory()) {
    table.rows.push_back(
        {absl::StrCat(table.rows.size()), memory.host(),
         BytesText(memory.replicated_weight_bytes()), BytesText(memory.expert_weight_bytes()),
         BytesText(memory.kv_cache_bytes()), BytesText(memory.checkpoint_bytes_read())});
  }
  page.Table(table);
}

}  // namespace

std::string AnswerOfRun(const RunReport& run) {
  double sum = 0, waited = 0;
  const PhaseTime* most = nullptr;
  for (const PhaseTime& phase : run.phases()) {
    sum += phase.seconds();
    if (!IsWait(phase.phase())) continue;
    waited += phase.seconds();
    if (most == nullptr || phase.seconds() > most->seconds()) most = &phase;
  }
  std::string text =
      absl::StrCat(Counted(run.ranks(), "rank"), " answered ", Counted(run.requests(), "request"),
                   " at ", NumeralOf(run.prefill_tokens_per_s()), " prompt tokens/s and ",
                   NumeralOf(run.decode_tokens_per_s()), " tokens/s while decoding");
  if (run.failed_requests() > 0) absl::StrAppend(&text, ", and refused ", run.failed_requests());
  if (sum > 0 && waited > 0) {
    absl::StrAppend(&text, "; rank 0 waited ", PercentOf(waited / sum), " of its time, most for ",
                    most->phase(), " (", PercentOf(most->seconds() / sum), ")");
  }
  return text + ".";
}

TokenCounts ExpertTokens(const RunReport& run) {
  TokenCounts counts;
  for (const LayerLoad& layer : run.expert_load()) {
    counts.emplace_back(layer.tokens().begin(), layer.tokens().end());
  }
  return counts;
}

TokenCounts RankTokens(const RunReport& run) {
  TokenCounts counts;
  for (const LayerLoad& layer : run.expert_load()) {
    counts.emplace_back(layer.rank_tokens().begin(), layer.rank_tokens().end());
  }
  return counts;
}

void AddRunSection(HtmlPage& page, const FromFile<RunReport>& run) {
  page.Section(absl::StrCat("Run ", DirectoryOf(run.path)), run.path);
  page.Paragraph(AnswerOfRun(run.message));
  AddRunFacts(page, run.message);
  AddRunRefusals(page, run.message);
  PhaseTimes times = {.name = "rank 0", .seconds = {}};
  for (const PhaseTime& p : run.message.phases())
    times.seconds.emplace_back(p.phase(), p.seconds());
  AddTimeBars(page, "Time of rank 0 by phase", {times});
  page.Heading("Load");
  AddLoadMap(page, ExpertTokens(run.message), "expert");
  AddLoadMap(page, RankTokens(run.message), "rank");
  AddLoadCurve(page, ExpertTokens(run.message));
  AddRunBalance(page, run.message);
  page.Heading("Traffic and memory");
  AddRunTraffic(page, run.message);
  AddRunMemory(page, run.message);
}

}  // namespace octet
