// How evenly the router spreads tokens.

#ifndef OCTET_RUNTIME_MODEL_EXPERT_LOAD_H_
#define OCTET_RUNTIME_MODEL_EXPERT_LOAD_H_

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/dispatch/expert_plan.h"
#include "parallel/placement/expert_placement.h"

namespace octet {

// Counts the (token, slot) pairs that each of one rank's experts has computed, in each layer. The
// sum over the ranks is the router's choice.
class ExpertLoad {
 public:
  // `placement` must outlive it.
  ExpertLoad(const ExpertPlacement& placement, int rank);

  // The experts of this layer live elsewhere now; what was counted stays.
  void ExpertsMoved(int layer) { local_experts_[layer] = placement_.LocalExperts(layer, rank_); }

  void Add(int layer, const ExpertPlan& plan);

  // [experts]; none for those that never lived here.
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

// mean / max, 1 when all are equal; 1 where there is no load at all.
double Balancedness(std::span<const int64_t> load);

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_EXPERT_LOAD_H_
