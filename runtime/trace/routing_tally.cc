#include "runtime/trace/routing_tally.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>

#include "parallel/dispatch/peer_traffic.h"
#include "parallel/dispatch/replica_choice.h"
#include "runtime/model/mixtral.h"
#include "runtime/trace/routing_recorder.h"
#include "runtime/trace/trace_check.h"

namespace octet {
namespace {

// A counter that adds the steps of one attempt to a tally.
class AttemptCounter {
 public:
  AttemptCounter(const TracedAttempt& attempt, RoutingTally& tally)
      : attempt_(attempt),
        header_(attempt.header),
        tally_(tally),
        num_experts_(header_.num_experts()),
        topk_(header_.top_k()),
        routing_(header_.group_size()),
        peers_(header_.group_size()) {
    const ReplicaPolicy policy = *ParseReplicaPolicy(header_.replica_policy());
    for (const HostTopology& group : attempt.groups) {
      replicas_.emplace_back(attempt.placement, group, policy);
    }
  }

  void AddStep(std::span<const StepRouting> records) {
    bool has_tokens = false;
    for (const StepRouting& record : records) {
      has_tokens = has_tokens || record.runs_size() > 0;
      tally_.tokens += CountTokens(record);
    }
    if (!has_tokens) return;
    for (int l = 0; l < header_.num_layers(); ++l) {
      load_.assign(num_experts_, 0);
      AddLayer(records, l);
      AddLoad(tally_.layers[l]);
    }
  }

 private:
  int ExpertOf(const StepRouting& record, int64_t token, int layer, int slot) const {
    return ExpertAt(record.experts(), (token * header_.num_layers() + layer) * topk_ + slot,
                    ExpertBytes(num_experts_));
  }

  // records: those of one step, of all homes of a group that have one.
  void AddLayer(std::span<const StepRouting> records, int layer) {
    for (const StepRouting& record : records) {
      for (int64_t t = 0; t < CountTokens(record); ++t) AddToken(record, t, layer);
    }
    for (int i = 0; i < records.front().num_micro_batches(); ++i) AddExchange(records, layer, i);
  }

  void AddToken(const StepRouting& record, int64_t token, int layer) {
    LayerTally& tally = tally_.layers[layer];
    const bool is_last = layer + 1 == header_.num_layers();
    for (int a = 0; a < topk_; ++a) {
      const int64_t expert = ExpertOf(record, token, layer, a);
      ++load_[expert];
      for (int b = 0; b < topk_; ++b) {
        ++tally.coactivation[expert * num_experts_ + ExpertOf(record, token, layer, b)];
        if (is_last) continue;
        ++tally.transitions[expert * num_experts_ + ExpertOf(record, token, layer + 1, b)];
      }
    }
  }

  // Adds the traffic of one micro-batch: its tokens go to their experts.
  void AddExchange(std::span<const StepRouting> records, int layer, int micro_batch) {
    const int group_size = header_.group_size();
    const int group = records.front().rank() / group_size;
    for (Routing& routing : routing_) routing = {.num_tokens = 0, .topk = topk_};
    for (const StepRouting& record : records) {
      ReadRouting(record, layer, micro_batch, records.front().num_micro_batches(),
                  routing_[record.rank() % group_size]);
    }
    const auto& owner_of = replicas_[group].Choose(layer, routing_);
    for (int home = 0; home < group_size; ++home) {
      plan_ =
          PlanSend(routing_[home], owner_of[home], home, attempt_.groups[group], std::move(plan_));
      AddDestinations(attempt_.groups[group], tally_.layers[layer]);
      AddTraffic(group, home);
    }
  }

  // Reads the routing of one of the record's `parts` micro-batches.
  void ReadRouting(const StepRouting& record, int layer, int micro_batch, int parts,
                   Routing& routing) const {
    const int64_t num_tokens = CountTokens(record);
    const int64_t first = FirstOfMicroBatch(num_tokens, micro_batch, parts);
    const int64_t last = FirstOfMicroBatch(num_tokens, micro_batch + 1, parts);
    for (int64_t t = first; t < last; ++t) {
      for (int s = 0; s < topk_; ++s) routing.topk_idx.push_back(ExpertOf(record, t, layer, s));
    }
    routing.num_tokens += last - first;
    routing.topk_weights.resize(routing.topk_idx.size());
  }

  void AddTraffic(int group, int home) {
    const int first = group * header_.group_size();
    std::ranges::fill(peers_, PeerTraffic());
    AddPeerTraffic(plan_, attempt_.groups[group], home, peers_);
    for (int r = 0; r < header_.group_size(); ++r) {
      const int64_t at = int64_t{first + home} * tally_.num_ranks + first + r;
      tally_.dispatch_bytes[at] +=
          (peers_[r].rows_in_place + peers_[r].rows_sent) * header_.dispatch_row_bytes();
      tally_.return_bytes[at] +=
          (peers_[r].returns_in_place + peers_[r].returns_sent) * header_.return_row_bytes();
    }
  }

  void AddDestinations(const HostTopology& topology, LayerTally& tally) const {
    for (int64_t first = 0; first < std::ssize(plan_.owner_of); first += topk_) {
      for (int64_t i = first; i < first + topk_; ++i) {
        bool is_new_rank = true;
        bool is_new_host = true;
        for (int64_t j = first; j < i; ++j) {
          const int32_t other = plan_.owner_of[j];
          if (other == plan_.owner_of[i]) is_new_rank = false;
          if (topology.host_of(other) == topology.host_of(plan_.owner_of[i])) is_new_host = false;
        }
        tally.ranks += is_new_rank ? 1 : 0;
        tally.hosts += is_new_host ? 1 : 0;
      }
    }
  }

  void AddLoad(LayerTally& tally) const {
    const double sum = std::accumulate(load_.begin(), load_.end(), 0.0);
    const double mean = sum / num_experts_;
    double squares = 0;
    for (int e = 0; e < num_experts_; ++e) {
      tally.load[e] += load_[e];
      const double difference = static_cast<double>(load_[e]) - mean;
      squares += difference * difference;
    }
    const auto max = static_cast<double>(*std::ranges::max_element(load_));
    tally.max_over_mean.push_back(static_cast<float>(max / mean));
    tally.variation.push_back(static_cast<float>(std::sqrt(squares / num_experts_) / mean));
  }

  const TracedAttempt& attempt_;
  const TraceHeader& header_;
  RoutingTally& tally_;
  const int num_experts_;
  const int topk_;
  std::vector<int64_t> load_;                // [experts] of a step in one layer
  std::deque<GroupReplicaChoice> replicas_;  // [groups]; they don't move
  std::vector<Routing> routing_;             // [homes of a group]
  SendPlan plan_;
  std::vector<PeerTraffic> peers_;  // [ranks of the group]
};

RoutingTally MakeTally(std::span<const TracedAttempt> attempts) {
  RoutingTally tally;
  if (attempts.empty()) return tally;
  const TraceHeader& header = attempts.front().header;
  tally.num_experts = header.num_experts();
  for (const TracedAttempt& attempt : attempts) {
    tally.num_ranks = std::max(tally.num_ranks, attempt.header.hosts_size());
  }
  const size_t pairs = static_cast<size_t>(tally.num_experts) * tally.num_experts;
  tally.layers.resize(header.num_layers());
  for (LayerTally& layer : tally.layers) {
    layer.load.resize(tally.num_experts);
    layer.coactivation.resize(pairs);
    if (&layer != &tally.layers.back()) layer.transitions.resize(pairs);
  }
  tally.dispatch_bytes.resize(static_cast<size_t>(tally.num_ranks) * tally.num_ranks);
  tally.return_bytes.resize(tally.dispatch_bytes.size());
  return tally;
}

}  // namespace

RoutingTally CountRouting(std::span<const TracedAttempt> attempts) {
  RoutingTally tally = MakeTally(attempts);
  for (const TracedAttempt& attempt : attempts) {
    AttemptCounter counter(attempt, tally);
    attempt.VisitGroupSteps(
        [&counter](std::span<const StepRouting> records) { counter.AddStep(records); });
  }
  return tally;
}

}  // namespace octet
