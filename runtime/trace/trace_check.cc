#include "runtime/trace/trace_check.h"

#include <algorithm>

#include "parallel/dispatch/replica_policy.h"
#include "parallel/placement/expert_placement.h"
#include "runtime/model/mixtral.h"
#include "runtime/trace/routing_recorder.h"

namespace octet {
namespace {

// A bound far above any model and machine, but small enough that no product of two such numbers
// overflows.
constexpr int64_t kMost = 1 << 16;

bool IsCount(int64_t value) { return value >= 1 && value <= kMost; }

bool IsRun(const TokenRun& run) {
  return run.line() >= 0 && run.choice() >= 0 && run.first_position() >= 0 &&
         run.num_tokens() >= 1 && run.prompt_tokens() >= 0;
}

bool AreRuns(const StepRouting& step, int64_t& num_tokens) {
  num_tokens = 0;
  for (const TokenRun& run : step.runs()) {
    if (!IsRun(run)) return false;
    num_tokens += run.num_tokens();
  }
  return true;
}

bool AreFound(const StepRouting& step) {
  return std::ranges::all_of(step.found(), [](const FoundRun& found) {
    return IsRun(found.run()) && found.from_line() >= 0 && found.from_choice() >= 0;
  });
}

// Checks the header before memory is reserved for the number of experts that it names.
bool HasAllExperts(const TraceHeader& header) {
  const auto& layers = header.placement().layers();
  return layers.size() == header.num_layers() &&
         std::ranges::all_of(layers, [&header](const LayerPlacement& layer) {
           return layer.experts_size() == header.num_experts();
         });
}

bool ArePeers(const TraceHeader& header, const StepRouting& step) {
  const auto is_count = [](int64_t n) { return n >= 0 && n < int64_t{1} << 40; };
  return std::ranges::all_of(step.peers(), [&](const PeerRows& peer) {
    return peer.rank() >= 0 && peer.rank() < header.hosts_size() &&
           peer.rank() / header.group_size() == step.rank() / header.group_size() &&
           is_count(peer.rows_in_place()) && is_count(peer.rows_sent()) &&
           is_count(peer.returns_in_place()) && is_count(peer.returns_sent()) &&
           is_count(peer.letter_bytes());
  });
}

}  // namespace

std::string FindFault(const TraceHeader& header) {
  if (!IsCount(header.num_layers())) return "num_layers";
  if (!IsCount(header.num_experts())) return "num_experts";
  if (!IsCount(header.top_k()) || header.top_k() > header.num_experts()) return "top_k";
  if (!IsCount(header.hidden_size())) return "hidden_size";
  if (header.dispatch_row_bytes() < 1) return "dispatch_row_bytes";
  if (header.return_row_bytes() < 1) return "return_row_bytes";
  if (!IsCount(header.hosts_size())) return "hosts";
  if (!IsCount(header.group_size()) || header.hosts_size() % header.group_size() != 0) {
    return "group_size";
  }
  if (!ParseReplicaPolicy(header.replica_policy())) return "replica_policy";
  if (!HasAllExperts(header)) return "placement";
  const absl::StatusOr<ExpertPlacement> placement = ExpertPlacement::FromProto(
      header.placement(), {header.num_layers(), header.num_experts(), header.group_size()});
  return placement.ok() ? "" : "placement";
}

std::string FindFault(const TraceHeader& header, std::span<const int64_t> local_experts,
                      const StepRouting& step) {
  if (step.step() < 0) return "step";
  if (step.rank() < 0 || step.rank() >= header.hosts_size()) return "rank";
  if (step.num_micro_batches() < 1 || step.num_micro_batches() > kMaxMicroBatches) {
    return "num_micro_batches";
  }
  int64_t num_tokens = 0;
  if (!AreRuns(step, num_tokens)) return "runs";
  if (!AreFound(step)) return "found";
  const int expert_bytes = ExpertBytes(header.num_experts());
  const auto slots = std::ssize(step.experts()) / expert_bytes;
  const int64_t slots_of_token = int64_t{header.num_layers()} * header.top_k();
  if (slots % slots_of_token != 0 || slots / slots_of_token != num_tokens) return "experts";
  for (int64_t i = 0; i < slots; ++i) {
    if (ExpertAt(step.experts(), i, expert_bytes) >= header.num_experts()) return "experts";
  }
  if (std::ssize(step.weights()) != 2 * slots) return "weights";
  if (!ArePeers(header, step)) return "peers";
  if (step.expert_tokens_size() != local_experts[step.rank() % header.group_size()]) {
    return "expert_tokens";
  }
  if (step.seconds_size() != header.times_size()) return "seconds";
  return "";
}

bool HaveSameShape(const TraceHeader& a, const TraceHeader& b) {
  return a.num_layers() == b.num_layers() && a.num_experts() == b.num_experts() &&
         a.top_k() == b.top_k();
}

std::vector<int64_t> CountLocalExperts(const TraceHeader& header) {
  std::vector<int64_t> counts(header.group_size());
  for (const LayerPlacement& layer : header.placement().layers()) {
    for (const ExpertRanks& expert : layer.experts()) {
      for (const int32_t rank : expert.ranks()) ++counts[rank];
    }
  }
  return counts;
}

}  // namespace octet
