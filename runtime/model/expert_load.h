// How evenly the router spreads tokens.

#ifndef OCTET_RUNTIME_MODEL_EXPERT_LOAD_H_
#define OCTET_RUNTIME_MODEL_EXPERT_LOAD_H_

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/dispatch/dispatch_plan.h"

namespace octet {

// Counts the (token, slot) pairs of each expert, and of each rank, in each layer: of all tokens of
// an expert-parallel group.
class ExpertLoad {
 public:
  ExpertLoad(int num_layers, int num_experts, int num_ranks)
      : expert_tokens_(num_layers, std::vector<int64_t>(num_experts)),
        rank_tokens_(num_layers, std::vector<int64_t>(num_ranks)) {}

  void Add(int layer, const DispatchPlan& plan);

  std::span<const int64_t> expert_tokens(int layer) const { return expert_tokens_[layer]; }
  std::span<const int64_t> rank_tokens(int layer) const { return rank_tokens_[layer]; }
  // Of the rank with the most, summed over layers and steps.
  int64_t busiest_rank_tokens() const { return busiest_rank_tokens_; }
  int num_layers() const { return static_cast<int>(expert_tokens_.size()); }

 private:
  std::vector<std::vector<int64_t>> expert_tokens_;  // [layers, experts]
  std::vector<std::vector<int64_t>> rank_tokens_;    // [layers, ranks]
  int64_t busiest_rank_tokens_ = 0;
};

// mean / max, 1 when all are equal; 1 where there is no load at all.
double Balancedness(std::span<const int64_t> load);

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_EXPERT_LOAD_H_
