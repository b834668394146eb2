// The time of a step on a cluster.

#ifndef OCTET_RUNTIME_REPLAY_STEP_MODEL_H_
#define OCTET_RUNTIME_REPLAY_STEP_MODEL_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "parallel/dispatch/exchange_counts.h"
#include "parallel/placement/expert_placement.h"
#include "runtime/replay/cluster_model.h"
#include "runtime/replay/exchange_time.h"
#include "runtime/replay/replayed_job.h"
#include "runtime/replay/replayed_traffic.h"
#include "runtime/replay/step_parts.h"

namespace octet {

// The kinds of time. The last three are waits: for ranks that have more to do, and for rows on
// their way to experts and back.
enum class ReplayedTime {
  kAttention,
  kRouter,
  kDispatch,
  kExperts,
  kCombine,
  kNorms,
  kHead,
  kSampling,
  kControl,
  kLateRanks,
  kExposedDispatch,
  kExposedCombine
};
inline constexpr int kNumReplayedTimes = 12;
const char* Name(ReplayedTime time);

// The model. In each layer the ranks of a host share it for attention, router and the staging of
// rows; rows come to a host when all ranks have staged theirs, and the busiest link has carried
// its part; experts share the host again; a home goes on when all ranks that serve its tokens are
// done and the busiest link has carried their outputs. Two micro-batches take turns, so that one's
// rows travel while the other is computed.
class StepModel {
 public:
  // wants_all: all tokens have experts in the last layer, as where routing is recorded; otherwise
  // those alone whose logits are wanted. The arguments must outlive this object.
  StepModel(const ClusterModel& cluster, const ReplayedModel& model,
            const ExpertPlacement& placement, ReplicaPolicy policy, const TokenTable& table,
            bool wants_all);

  struct Prediction {
    double seconds = 0;
    double exchange_seconds = 0;  // if nothing but the exchange took time: mean over ranks
    std::array<double, kNumReplayedTimes> times = {};  // means over ranks, whose sum is `seconds`
    ReplayedTraffic traffic;
  };
  Prediction Predict(const ReplayedJob& job, const ReplayedStep& step);

  // The most tokens that a rank has computed at once so far.
  int64_t most_tokens() const { return most_tokens_; }

  // The bytes of rows and letters in messages so far: [homes and senders, ranks]; empty if there
  // are more ranks than kMostInMatrix.
  static constexpr int kMostInMatrix = 64;
  const std::vector<int64_t>& sent_bytes() const { return sent_bytes_; }

 private:
  // The exchange of one micro-batch in one layer.
  struct Part {
    std::vector<double> all_staged;  // [ranks] when the last rank of the group had staged its rows
    std::vector<double> arrived;     // [ranks] when the rows of all are there
    std::vector<double> all_done;    // [homes] when the last rank that serves a home was done
    std::vector<double> landed;      // [homes] when its outputs are there
  };

  struct Group : ReplayedGroup {
    std::vector<Routing> routing;                         // [ranks]
    std::vector<std::unique_ptr<ExchangeCounts>> counts;  // of each micro-batch
    std::vector<std::vector<int>> rounds;                 // of each micro-batch: [hosts]
  };

  void PredictLayer(int layer);
  void Stage(int layer, int part);
  void Route(Group& group, int layer, int part);
  void Arrive(Group& group, int part);
  void ComputeExperts(int part);
  void Land(Group& group, int part);
  void CountTraffic(const Group& group, const ExchangeCounts& counts);
  void EndStep();
  double LastOf(int first_rank, int num_ranks) const;
  double Carry(const Group& group, int part, RowWay way, double ready);
  bool IsLast(int layer) const { return !wants_all_ && layer + 1 == model_.num_layers; }

  // A part of the work of a rank.
  struct Share {
    ReplayedTime time;
    double (*seconds)(const PartCosts&, const TokenLoad&);
  };

  // Lets the ranks of each host do their work, and sets now_. The time of each share is in
  // proportion to what it takes alone.
  void Work(std::span<const Share> shares, std::span<const TokenLoad> loads);
  void Advance(int rank, const SharedWork& work);
  void Wait(int rank, double until, double others_ready, ReplayedTime exposed);
  void Add(ReplayedTime time, double seconds) { times_[static_cast<size_t>(time)] += seconds; }

  const ClusterModel& cluster_;
  const ReplayedModel& model_;
  const TokenTable& table_;
  const bool wants_all_;
  std::vector<std::vector<int>> ranks_of_host_;
  std::vector<Group> groups_;
  std::vector<StepPart> tokens_;  // of each micro-batch
  std::vector<Part> parts_;       // micro-batches, of which the first num_parts_ are used
  int num_parts_ = 1;

  std::vector<double> now_;        // [ranks], as expected
  std::vector<double> variance_;   // [ranks] of now_, since the rank last waited for others
  int64_t max_tokens_ = 0;         // of a rank in a step
  std::vector<double> link_free_;  // [hosts or devices] when its links have carried all so far
  std::vector<SharedWork> shared_;
  std::vector<double> alone_;
  std::array<double, kNumReplayedTimes> times_ = {};
  ReplayedTraffic traffic_;
  double exchange_seconds_ = 0;
  int64_t most_tokens_ = 0;
  std::vector<int64_t> sent_bytes_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_REPLAY_STEP_MODEL_H_
