// The best placements of small layers, by trying all of them.

#ifndef OCTET_TESTS_PARALLEL_PLANNER_PLANNER_REFERENCE_H_
#define OCTET_TESTS_PARALLEL_PLANNER_PLANNER_REFERENCE_H_

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <random>
#include <span>
#include <vector>

#include "parallel/planner/busiest_rank.h"
#include "parallel/planner/routing_counts.h"
#include "parallel/planner/slot_plan.h"

namespace octet {

// By the theorem of min cut and max flow: every set of ranks must take the tokens that no other
// rank can take.
inline double LeastTime(const LayerRanks& ranks, const std::vector<double>& tokens,
                        const std::vector<double>& speeds) {
  double least = 0;
  for (uint32_t set = 1; set < 1U << speeds.size(); ++set) {
    double must = 0;
    double speed = 0;
    for (size_t e = 0; e < tokens.size(); ++e) {
      const bool inside = std::ranges::all_of(ranks[e], [set](int r) { return set >> r & 1; });
      if (inside) must += tokens[e];
    }
    for (size_t r = 0; r < speeds.size(); ++r) speed += (set >> r & 1) != 0 ? speeds[r] : 0;
    least = std::max(least, must / speed);
  }
  return least;
}

inline double MeanTime(const LayerRanks& ranks, const StepMatrix& steps,
                       const std::vector<double>& speeds) {
  double sum = 0;
  for (int64_t s = 0; s < steps.num_steps(); ++s) {
    std::vector<double> tokens;
    tokens.reserve(steps.num_experts());
    for (int e = 0; e < steps.num_experts(); ++e) tokens.push_back(steps.expert(e)[s]);
    sum += LeastTime(ranks, tokens, speeds);
  }
  return sum / static_cast<double>(steps.num_steps());
}

// Calls visit(ranks) for all placements in which no rank has more experts than slots, and each
// expert at least one rank.
inline void VisitPlacements(int num_experts, const std::vector<int>& slots,
                            const std::function<void(const LayerRanks&)>& visit) {
  LayerRanks ranks(num_experts);
  const std::function<void(size_t)> place = [&](size_t rank) {
    if (rank == slots.size()) {
      if (std::ranges::none_of(ranks, [](const auto& r) { return r.empty(); })) visit(ranks);
      return;
    }
    for (uint32_t set = 0; set < 1U << num_experts; ++set) {
      if (std::popcount(set) != std::min(slots[rank], num_experts)) continue;
      for (int e = 0; e < num_experts; ++e) {
        if ((set >> e & 1) != 0) ranks[e].push_back(static_cast<int32_t>(rank));
      }
      place(rank + 1);
      for (int e = 0; e < num_experts; ++e) {
        if ((set >> e & 1) != 0) ranks[e].pop_back();
      }
    }
  };
  place(0);
}

// Tokens that each choose two experts, some experts more often than others.
inline LayerCounts RandomLayer(int num_experts, int num_steps, std::mt19937& random) {
  LayerCounts layer = {.total = std::vector<int64_t>(num_experts), .steps = {}, .sets = {}};
  std::vector<double> weights(num_experts);
  for (double& weight : weights) weight = static_cast<double>(1 + random() % 20);
  std::discrete_distribution<int> choose(weights.begin(), weights.end());
  std::vector<int64_t> pairs(num_experts * num_experts);
  for (int s = 0; s < num_steps; ++s) {
    std::vector<int32_t> step(num_experts);
    for (uint32_t t = 0; t < 3 + random() % 20; ++t) {
      const int a = choose(random);
      int b = a;
      while (b == a) b = choose(random);
      ++pairs[std::min(a, b) * num_experts + std::max(a, b)];
      for (const int e : {a, b}) {
        ++step[e];
        ++layer.total[e];
      }
    }
    layer.steps.insert(layer.steps.end(), step.begin(), step.end());
  }
  layer.sets.topk = 2;
  for (int pair = 0; pair < num_experts * num_experts; ++pair) {
    if (pairs[pair] == 0) continue;
    layer.sets.experts.push_back(pair / num_experts);
    layer.sets.experts.push_back(pair % num_experts);
    layer.sets.tokens.push_back(pairs[pair]);
  }
  return layer;
}

// The time of the busiest rank over that of all ranks if they were equally busy.
inline double ReferenceSteps(const LayerRanks& ranks, const LayerCounts& layer,
                             const std::vector<double>& speeds) {
  double times = 0;
  double sum = 0;
  double speed = 0;
  for (const double of_rank : speeds) speed += of_rank;
  for (int64_t s = 0; s < layer.num_steps(); ++s) {
    std::vector<double> tokens;
    tokens.reserve(layer.num_experts());
    for (int e = 0; e < layer.num_experts(); ++e) {
      sum += tokens.emplace_back(layer.steps[s * layer.num_experts() + e]);
    }
    times += LeastTime(ranks, tokens, speeds);
  }
  return times * speed / sum;
}

inline double ReferenceTotal(const LayerRanks& ranks, const LayerCounts& layer,
                             const std::vector<double>& speeds) {
  LayerCounts one = layer;
  one.steps.assign(layer.total.begin(), layer.total.end());
  return ReferenceSteps(ranks, one, speeds);
}

// Ranks other than its home that a token of two experts must reach, the mean over tokens and homes.
inline double ReferenceCopies(const LayerRanks& ranks, const TokenSets& sets, int num_ranks) {
  double copies = 0;
  double tokens = 0;
  for (int64_t i = 0; i < sets.num_sets(); ++i) {
    const auto& a = ranks[sets.experts[2 * i]];
    const auto& b = ranks[sets.experts[2 * i + 1]];
    for (int home = 0; home < num_ranks; ++home) {
      int least = 2;
      for (const int at_a : a) {
        for (const int at_b : b) {
          const int rows = (at_a != home ? 1 : 0) + (at_b != home && at_b != at_a ? 1 : 0);
          least = std::min(least, rows);
        }
      }
      copies += static_cast<double>(sets.tokens[i] * least) / num_ranks;
    }
    tokens += static_cast<double>(sets.tokens[i]);
  }
  return copies / tokens;
}

}  // namespace octet

#endif  // OCTET_TESTS_PARALLEL_PLANNER_PLANNER_REFERENCE_H_
