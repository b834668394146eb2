// How evenly the router spreads tokens.

#ifndef OCTET_RUNTIME_EXPERT_LOAD_H_
#define OCTET_RUNTIME_EXPERT_LOAD_H_

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/expert_placement.h"

namespace octet {

// Counts the (token, slot) pairs of each expert of each layer, over all ranks.
class ExpertLoad {
 public:
  ExpertLoad(int num_layers, int num_experts)
      : tokens_(num_layers, std::vector<int64_t>(num_experts)) {}

  void Add(int layer, std::span<const int64_t> expert_tokens) {
    for (size_t e = 0; e < expert_tokens.size(); ++e) tokens_[layer][e] += expert_tokens[e];
  }

  std::span<const int64_t> tokens(int layer) const { return tokens_[layer]; }
  int num_layers() const { return static_cast<int>(tokens_.size()); }

  // The load of each rank, that of a replicated expert shared evenly.
  std::vector<double> RankLoad(int layer, const ExpertPlacement& placement) const;

 private:
  std::vector<std::vector<int64_t>> tokens_;  // [layers, experts]
};

// mean / max, 1 when all are equal; 1 where there is no load at all.
double Balancedness(std::span<const double> load);

}  // namespace octet

#endif  // OCTET_RUNTIME_EXPERT_LOAD_H_
