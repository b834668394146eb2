// What a planner knows of a model's routing.

#ifndef OCTET_PARALLEL_PLANNER_ROUTING_COUNTS_H_
#define OCTET_PARALLEL_PLANNER_ROUTING_COUNTS_H_

#include <cstdint>
#include <vector>

namespace octet {

// The most experts of a token of which sets are counted.
inline constexpr int kMostTopk = 64;

// The sets of experts that tokens chose in one layer.
struct TokenSets {
  int topk = 0;
  std::vector<int32_t> experts;  // [sets, topk]
  std::vector<int64_t> tokens;   // [sets] that chose it

  int64_t num_sets() const { return std::ssize(tokens); }
};

// The tokens of one layer's experts.
struct LayerCounts {
  std::vector<int64_t> total;  // [experts]
  std::vector<int32_t> steps;  // [steps, experts]; empty if only the total is known
  TokenSets sets;              // empty if not known

  int num_experts() const { return static_cast<int>(total.size()); }
  int64_t num_steps() const { return std::ssize(steps) / num_experts(); }
};

struct RoutingCounts {
  std::vector<LayerCounts> layers;  // with equally many experts and steps
  int64_t row_bytes = 0;            // of a row to an expert; 0 if not known
  int64_t return_bytes = 0;         // of a row from an expert

  bool has_steps() const { return layers.front().num_steps() > 0; }
  bool has_sets() const { return layers.front().sets.num_sets() > 0; }
};

}  // namespace octet

#endif  // OCTET_PARALLEL_PLANNER_ROUTING_COUNTS_H_
