#include "launch/report.h"

#include <absl/strings/str_format.h>

#include <utility>

#include "launch/files/proto_json.h"
#include "launch/files/result_file.h"
#include "launch/process/own_command.h"
#include "launch/version.h"
#include "parallel/transport/collectives.h"
#include "runtime/model/step_times.h"

namespace octet {
namespace {

constexpr std::array kTrafficKinds = {Traffic::kControl, Traffic::kRouting, Traffic::kDispatch,
                                      Traffic::kCombine};

// Returns this rank's part: its memory and its traffic and, on the first rank of each group, the
// load of the group's experts.
RunReport MyPart(const Communicator& world, const JobSetup& setup, Session& session) {
  RunReport part;
  Engine& engine = session.engine();
  RankMemory* memory = part.add_rank_memory();
  memory->set_host(world.hosts()[world.rank()]);
  memory->set_replicated_weight_bytes(static_cast<int64_t>(session.weights().replicated_bytes()));
  memory->set_expert_weight_bytes(static_cast<int64_t>(session.weights().expert_bytes()));
  memory->set_kv_cache_bytes(
      engine.kv_cache().num_pages() *
      static_cast<int64_t>(KvCache::PageBytes(setup.model.config, setup.engine.dtype)));
  memory->set_checkpoint_bytes_read(static_cast<int64_t>(session.bytes_loaded()));
  for (const Traffic kind : kTrafficKinds) {
    TrafficBytes* traffic = part.add_traffic();
    traffic->set_kind(Name(kind));
    for (const Communicator* comm : {&world, &std::as_const(session.group())}) {
      const int64_t in_place = comm->bytes_read_in_place(kind);
      traffic->set_bytes(traffic->bytes() + comm->bytes_sent(kind) + in_place);
      traffic->set_bytes_in_place(traffic->bytes_in_place() + in_place);
    }
  }
  part.set_watchdog_cpu_seconds(world.watchdog().cpu_seconds());
  const ExpertLoad& load = engine.expert_load();
  for (int l = 0; l < load.num_layers(); ++l) {
    LayerLoad* layer = part.add_expert_load();
    const auto experts = load.expert_tokens(l);
    layer->mutable_tokens()->Add(experts.begin(), experts.end());
    layer->add_rank_tokens(load.rank_tokens(l));
  }
  return part;
}

void AddPhases(const Communicator& world, Session& session, RunReport& report) {
  const auto add = [&](const std::string& name, double seconds) {
    PhaseTime* phase = report.add_phases();
    phase->set_phase(name);
    phase->set_seconds(seconds);
  };
  for (int i = 0; i < kNumPhases; ++i) {
    const auto phase = static_cast<Phase>(i);
    add(Name(phase), session.engine().clock().seconds(phase));
  }
  const auto waits = WaitTimes(world, session.group());
  for (size_t i = 0; i < waits.size(); ++i) {
    add(NameOfTime(kNumPhases + static_cast<int>(i)), waits[i]);
  }
}

// Adds a report of the same model: sums traffic by kind and tokens of each expert, and appends
// ranks.
void AddPart(const RunReport& part, RunReport& report) {
  for (const RankMemory& memory : part.rank_memory()) *report.add_rank_memory() = memory;
  report.set_watchdog_cpu_seconds(report.watchdog_cpu_seconds() + part.watchdog_cpu_seconds());
  for (int i = 0; i < part.traffic_size(); ++i) {
    if (report.traffic_size() <= i) report.add_traffic()->set_kind(part.traffic(i).kind());
    TrafficBytes& sum = *report.mutable_traffic(i);
    sum.set_bytes(sum.bytes() + part.traffic(i).bytes());
    sum.set_bytes_in_place(sum.bytes_in_place() + part.traffic(i).bytes_in_place());
  }
  for (int l = 0; l < part.expert_load_size(); ++l) {
    const LayerLoad& more = part.expert_load(l);
    LayerLoad& sum =
        report.expert_load_size() <= l ? *report.add_expert_load() : *report.mutable_expert_load(l);
    sum.mutable_tokens()->Resize(more.tokens_size(), 0);
    for (int e = 0; e < more.tokens_size(); ++e) {
      sum.set_tokens(e, sum.tokens(e) + more.tokens(e));
    }
    sum.mutable_rank_tokens()->MergeFrom(more.rank_tokens());
  }
}

void AddBalance(RunReport& report) {
  for (LayerLoad& load : *report.mutable_expert_load()) {
    const auto balance = [](const google::protobuf::RepeatedField<int64_t>& tokens) {
      return Balancedness({tokens.data(), static_cast<size_t>(tokens.size())});
    };
    load.set_expert_balancedness(balance(load.tokens()));
    load.set_rank_balancedness(balance(load.rank_tokens()));
  }
}

double Share(int64_t part, int64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0;
}

void AddScheduling(const SchedulerStats& stats, RunReport& report) {
  report.set_slot_occupancy(Share(stats.busy_slots, stats.slots));
  report.set_kv_waits(stats.kv_waits);
  report.set_kv_occupancy(Share(stats.live_kv_tokens, stats.kv_tokens));
  report.set_preemptions(stats.preemptions);
  report.set_recomputed_tokens(stats.recomputed_tokens);
  report.set_prefix_cache_queries(stats.prompt_tokens);
  report.set_prefix_cache_hits(stats.found_tokens);
  report.set_draft_tokens(stats.draft_tokens);
  report.set_accepted_tokens(stats.accepted_tokens);
}

double Rate(int64_t tokens, double seconds) {
  return seconds > 0 ? static_cast<double>(tokens) / seconds : 0;
}

std::string FormatMoves(const RunReport& r) {
  if (r.experts_moved() == 0) return "";
  return absl::StrFormat("moves      %d experts came to other ranks\n", r.experts_moved());
}

// Returns nothing if no request ever waited.
std::string FormatScheduling(const RunReport& r) {
  std::string text;
  if (r.slot_occupancy() == 0) return text;
  absl::StrAppendFormat(&text, "slots      %.0f %% busy while requests waited",
                        100 * r.slot_occupancy());
  if (r.kv_waits() > 0) {
    absl::StrAppendFormat(&text, "; KV cache %.0f %% full in %d steps that waited for it",
                          100 * r.kv_occupancy(), r.kv_waits());
  }
  if (r.preemptions() > 0) {
    absl::StrAppendFormat(&text, "; %d preemptions, %d tokens computed again", r.preemptions(),
                          r.recomputed_tokens());
  }
  return text + "\n";
}

}  // namespace

RunReport MakeReport(Communicator& world, const JobSetup& setup, Session& session) {
  RunReport report;
  const std::string mine = MyPart(world, setup, session).SerializeAsString();
  for (const std::string& bytes : GatherToRoot(world, {"report"}, mine)) {
    RunReport part;
    OCTET_CHECK(part.ParseFromString(bytes));
    AddPart(part, report);
  }
  const EngineStats& stats = session.engine().stats();
  report.set_numerics_class(setup.NumericsClass());
  report.set_ranks(world.size());
  report.set_ep_size(session.group().size());
  report.set_threads(setup.threads);
  report.set_load_seconds(session.load_seconds());
  report.set_steps(stats.steps);
  report.set_prompt_tokens(stats.prompt_tokens);
  report.set_generated_tokens(stats.sampled_tokens);
  report.set_prefill_tokens_per_s(Rate(stats.prompt_tokens, stats.prefill_seconds));
  report.set_decode_tokens_per_s(Rate(stats.decode_sampled_tokens, stats.decode_seconds));
  AddPhases(world, session, report);
  AddBalance(report);
  AddScheduling(session.engine().scheduler_stats(), report);
  report.set_experts_moved(stats.experts_moved);
  report.set_command(OwnCommand());
  report.set_version(OctetVersion());
  return report;
}

std::string FormatPrefixCache(const RunReport& r) {
  if (r.prefix_cache_queries() == 0) return "";
  return absl::StrFormat("prefixes   %d of %d prompt tokens found in the prefix cache (%.1f %%)\n",
                         r.prefix_cache_hits(), r.prefix_cache_queries(),
                         100 * Share(r.prefix_cache_hits(), r.prefix_cache_queries()));
}

std::string FormatSpeculation(const RunReport& r) {
  if (r.draft_tokens() == 0) return "";
  return absl::StrFormat("guesses    %d of %d draft tokens accepted (%.1f %%)\n",
                         r.accepted_tokens(), r.draft_tokens(),
                         100 * Share(r.accepted_tokens(), r.draft_tokens()));
}

std::string FormatSummary(const RunReport& r) {
  std::string text = absl::StrFormat(
      "requests   %d answered, %d refused\n"
      "tokens     %d prompt, %d generated in %d steps\n"
      "speed      %.1f prompt tokens/s while prefilling, %.1f tokens/s while only decoding\n"
      "time       load %.2f s, run %.2f s; on rank 0:",
      r.requests(), r.failed_requests(), r.prompt_tokens(), r.generated_tokens(), r.steps(),
      r.prefill_tokens_per_s(), r.decode_tokens_per_s(), r.load_seconds(), r.run_seconds());
  for (const PhaseTime& p : r.phases())
    absl::StrAppendFormat(&text, " %s %.2f", p.phase(), p.seconds());
  absl::StrAppend(&text, "\n", FormatScheduling(r), FormatPrefixCache(r), FormatSpeculation(r),
                  FormatMoves(r));
  absl::StrAppend(&text, "exchanged ");
  for (const TrafficBytes& t : r.traffic())
    absl::StrAppendFormat(&text, " %s %d B", t.kind(), t.bytes());
  absl::StrAppend(&text, "\n");
  for (int l = 0; l < r.expert_load_size(); ++l) {
    const LayerLoad& load = r.expert_load(l);
    absl::StrAppendFormat(&text, "layer %-4d tokens of its experts:", l);
    for (const int64_t tokens : load.tokens()) absl::StrAppendFormat(&text, " %d", tokens);
    absl::StrAppendFormat(&text, "; balancedness %.2f, over ranks %.2f\n",
                          load.expert_balancedness(), load.rank_balancedness());
  }
  return text;
}

absl::Status WriteReport(const RunReport& report, const std::string& directory, FileSystem& files) {
  return WriteResultFile(files, JoinPath(directory, "summary.json"), JsonOf(report));
}

}  // namespace octet
