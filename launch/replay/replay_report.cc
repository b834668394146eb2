#include "launch/replay/replay_report.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>

#include "launch/console/text_table.h"
#include "launch/setup/memory_plan.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

double ShareOf(const ReplayPhase& phase, const std::string& prefix) {
  double seconds = 0;
  for (const ReplayTime& time : phase.times()) {
    if (absl::StartsWith(time.name(), prefix)) seconds += time.seconds();
  }
  return phase.seconds() > 0 ? seconds / phase.seconds() : 0;
}

std::string AnswerOfPhase(const char* name, const ReplayPhase& phase) {
  return absl::StrFormat("%s at %.1f tokens/s (%.1f %% waits for busier ranks, %.1f %% for rows)",
                         name, phase.tokens_per_s(), 100 * ShareOf(phase, "late ranks"),
                         100 * ShareOf(phase, "exposed"));
}

std::string FormatTimes(const Replay& replay) {
  std::vector<std::vector<std::string>> rows = {{"seconds, mean over ranks", "prefill", "decode"}};
  const auto& names = replay.prefill().steps() > 0 ? replay.prefill() : replay.decode();
  const auto seconds = [](const ReplayPhase& phase, int t) {
    return phase.times_size() > 0 ? absl::StrFormat("%.3f", phase.times(t).seconds()) : "-";
  };
  for (int t = 0; t < names.times_size(); ++t) {
    rows.push_back(
        {names.times(t).name(), seconds(replay.prefill(), t), seconds(replay.decode(), t)});
  }
  const auto add = [&](const char* name, int digits, auto value) {
    rows.push_back({name, absl::StrFormat("%.*f", digits, value(replay.prefill())),
                    absl::StrFormat("%.*f", digits, value(replay.decode()))});
  };
  add("all", 3, [](const ReplayPhase& p) { return p.seconds(); });
  add("steps", 0, [](const ReplayPhase& p) { return static_cast<double>(p.steps()); });
  add("ms of a step, median", 2, [](const ReplayPhase& p) { return 1e3 * p.step_p50(); });
  add("ms of a step, p95", 2, [](const ReplayPhase& p) { return 1e3 * p.step_p95(); });
  return FormatTable(rows);
}

std::string FormatTraffic(const Replay& replay) {
  std::vector<std::vector<std::string>> rows = {
      {"between ranks", "messages", "bytes sent", "bytes in place"}};
  for (const ReplayTraffic& t : replay.traffic()) {
    rows.push_back({t.kind(), absl::StrCat(t.messages()), absl::StrCat(t.bytes()),
                    absl::StrCat(t.bytes_in_place())});
  }
  return FormatTable(rows);
}

std::string FormatMost(const Replay& replay) {
  ReplayMemory most;
  for (const ReplayMemory& m : replay.memory()) {
    most.set_expert_weight_bytes(std::max(most.expert_weight_bytes(), m.expert_weight_bytes()));
    most.set_kv_cache_bytes(std::max(most.kv_cache_bytes(), m.kv_cache_bytes()));
    most.set_replicated_weight_bytes(m.replicated_weight_bytes());
  }
  return absl::StrCat("memory: at most ", FormatGiB(most.expert_weight_bytes()), " of experts and ",
                      FormatGiB(most.kv_cache_bytes()), " of KV cache on a rank, ",
                      FormatGiB(most.replicated_weight_bytes()), " replicated on a host\n");
}

}  // namespace

std::string AnswerOf(const Replay& replay) {
  std::string text =
      absl::StrCat(Counted(replay.ranks(), "rank"), " on ", Counted(replay.hosts(), "host"), ", ",
                   Escaped(replay.placement()));
  if (replay.ep_size() < replay.ranks()) {
    absl::StrAppend(&text, ", in groups of ", replay.ep_size());
  }
  absl::StrAppend(&text, ": ");
  std::vector<std::string> phases;
  if (replay.prefill().steps() > 0) phases.push_back(AnswerOfPhase("prefill", replay.prefill()));
  if (replay.decode().steps() > 0) phases.push_back(AnswerOfPhase("decode", replay.decode()));
  for (size_t i = 0; i < phases.size(); ++i) absl::StrAppend(&text, i > 0 ? ", " : "", phases[i]);
  return text + ".";
}

std::string FormatReplay(const Replay& replay) {
  std::string text = replay.answer() + "\n";
  for (const std::string& note : replay.notes()) absl::StrAppend(&text, "note: ", note, "\n");
  return absl::StrCat(text, FormatTimes(replay), FormatTraffic(replay), FormatMost(replay));
}

}  // namespace octet
