// The load of the experts, and how even it is.

#ifndef OCTET_RUNTIME_MODEL_EXPERT_LOAD_H_
#define OCTET_RUNTIME_MODEL_EXPERT_LOAD_H_

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/dispatch/expert_plan.h"
#include "parallel/placement/expert_placement.h"

namespace octet {

// A count of the (token, slot) pairs that each expert of one rank has computed, in each layer. The
// sum over the ranks is the router's choice.
class ExpertLoad {
 public:
  // `placement` must outlive this object.
  ExpertLoad(const ExpertPlacement& placement, int rank);

  // Reads the placement of this layer again, after experts moved. The counts stay.
  void ExpertsMoved(int layer) { local_experts_[layer] = placement_.LocalExperts(layer, rank_); }

  void Add(int layer, const ExpertPlan& plan);

  // counts: Dispatcher::TakeDeviceCounts.
  void AddDeviceCounts(std::span<const int64_t> counts);

  // [experts]; 0 for experts that were never on this rank.
  std::span<const int64_t> expert_tokens(int layer) const { return expert_tokens_[layer]; }
  int64_t rank_tokens(int layer) const { return rank_tokens_[layer]; }
  int num_layers() const { return static_cast<int>(expert_tokens_.size()); }

 private:
  const ExpertPlacement& placement_;
  const int rank_;
  std::vector<std::vector<int>> local_experts_;      // [layers], ascending
  std::vector<std::vector<int64_t>> expert_tokens_;  // [layers, experts]
  std::vector<int64_t> rank_tokens_;                 // [layers]
};

// Returns mean / max of the load: 1 if all are equal, and also if there is no load.
double Balancedness(std::span<const int64_t> load);

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_EXPERT_LOAD_H_
