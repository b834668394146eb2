// Layers whose experts only scale their rows, so that the answer shows which expert saw which row.

#ifndef OCTET_TESTS_PARALLEL_DISPATCH_SCALING_EXPERTS_H_
#define OCTET_TESTS_PARALLEL_DISPATCH_SCALING_EXPERTS_H_

#include <random>
#include <string>
#include <vector>

#include "parallel/dispatch/host_dispatcher.h"

namespace octet {

inline constexpr int kScaledHidden = 32;

struct ExchangeShape {
  int ranks;
  int experts;
  int topk;
  std::string placement;  // or "replicas": every second expert on two ranks
  DType dtype;
  int hosts = 1;
  int64_t max_tokens = 32;
  ReplicaPolicy policy = ReplicaPolicy::kEven;

  DispatchLimits Limits() const {
    return {.max_tokens = max_tokens, .hidden_size = kScaledHidden, .topk = topk, .dtype = dtype};
  }
  ExpertPlacement MakePlacement() const;

  // Each rank's: different experts for each slot, uneven loads, and some ranks without tokens.
  std::vector<Routing> RandomRouting(uint32_t seed) const;
};

// A layer in which each expert is on up to `most_replicas` random ranks.
ExpertPlacement RandomReplicas(int experts, int ranks, int most_replicas, std::mt19937& random);

// One rank and its part of the layers, one after the other.
class ScalingRank {
 public:
  ScalingRank(Communicator& comm, const ExpertPlacement& placement, const DispatchLimits& limits,
              ReplicaPolicy policy = ReplicaPolicy::kEven);

  // Collective: fails where this rank's tokens don't get what the definition gives them.
  void ExpectRightLayer(const Routing& routing, uint32_t seed);

  HostDispatcher& dispatcher() { return dispatcher_; }
  int parts() const { return parts_; }  // that the last layer came in

 private:
  Matrix RunExperts(ConstMatrix rows, const ExpertPlan& plan);

  Communicator& comm_;
  const ExpertPlacement& placement_;
  const DType dtype_;
  Workspace workspace_;
  HostDispatcher dispatcher_;
  int parts_ = 0;
};

}  // namespace octet

#endif  // OCTET_TESTS_PARALLEL_DISPATCH_SCALING_EXPERTS_H_
