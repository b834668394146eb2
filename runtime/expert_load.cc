#include "runtime/expert_load.h"

#include <algorithm>
#include <numeric>

namespace octet {

std::vector<double> ExpertLoad::RankLoad(int layer, const ExpertPlacement& placement) const {
  std::vector<double> load(placement.num_ranks());
  for (int e = 0; e < placement.num_experts(); ++e) {
    const std::span<const int32_t> ranks = placement.ranks(layer, e);
    for (const int32_t r : ranks) {
      load[r] += static_cast<double>(tokens_[layer][e]) / static_cast<double>(ranks.size());
    }
  }
  return load;
}

double Balancedness(std::span<const double> load) {
  const double max = *std::max_element(load.begin(), load.end());
  if (max == 0) return 1;
  const double sum = std::accumulate(load.begin(), load.end(), 0.0);
  return sum / static_cast<double>(load.size()) / max;
}

}  // namespace octet
