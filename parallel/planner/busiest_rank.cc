#include "parallel/planner/busiest_rank.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <random>

#include "kernels/base/check.h"

namespace octet {
namespace {

// Adds up the values of subsets: [sets of `size` items, width].
void AddSubsets(std::span<double> values, size_t size, int64_t width) {
  for (size_t item = 0; item < size; ++item) {
    for (size_t set = 0; set < size_t{1} << size; ++set) {
      if ((set >> item & 1) == 0) continue;
      double* const to = &values[set * width];
      const double* const from = &values[(set ^ size_t{1} << item) * width];
      for (int64_t i = 0; i < width; ++i) to[i] += from[i];
    }
  }
}

}  // namespace

StepMatrix StepMatrix::OfSteps(const LayerCounts& counts, int64_t stride) {
  const int num_experts = counts.num_experts();
  StepMatrix matrix(num_experts, (counts.num_steps() + stride - 1) / stride);
  for (int64_t s = 0; s < matrix.num_steps_; ++s) {
    for (int e = 0; e < num_experts; ++e) {
      const double tokens = counts.steps[s * stride * num_experts + e];
      matrix.tokens_[e * matrix.num_steps_ + s] = tokens;
      matrix.sum_ += tokens;
    }
  }
  return matrix;
}

StepMatrix StepMatrix::OfTotal(const LayerCounts& counts) {
  StepMatrix matrix(counts.num_experts(), 1);
  std::ranges::copy(counts.total, matrix.tokens_.begin());
  matrix.sum_ = std::accumulate(matrix.tokens_.begin(), matrix.tokens_.end(), 0.0);
  return matrix;
}

StepMatrix StepMatrix::OfVariedTotals(const LayerCounts& counts, int64_t num_steps, uint64_t seed) {
  StepMatrix matrix(counts.num_experts(), num_steps);
  std::mt19937_64 random(seed);
  for (int64_t i = 0; i < std::ssize(matrix.tokens_); ++i) {
    const double share = static_cast<double>(random() >> 11) * 0x1p-53;  // from 0 to 1
    const auto tokens = static_cast<double>(counts.total[i / num_steps]);
    matrix.tokens_[i] = tokens * (0.5 + share);
    matrix.sum_ += matrix.tokens_[i];
  }
  return matrix;
}

// Halves groups of steps by the share of the expert whose tokens vary most in them.
StepMatrix StepMatrix::Merged(int64_t most_steps) const {
  if (num_steps_ <= most_steps) return *this;
  std::vector<double> inverse(num_steps_);  // of the tokens of each step
  for (int64_t s = 0; s < num_steps_; ++s) {
    for (int e = 0; e < num_experts_; ++e) inverse[s] += expert(e)[s];
    inverse[s] = inverse[s] > 0 ? 1 / inverse[s] : 0;
  }
  std::vector<int64_t> order(num_steps_);
  std::iota(order.begin(), order.end(), 0);
  std::vector<std::span<int64_t>> groups = {order};
  while (2 * std::ssize(groups) <= most_steps) {
    std::vector<std::span<int64_t>> halves;
    for (const std::span<int64_t> group : groups) {
      int widest = 0;
      double most = -1;
      for (int e = 0; e < num_experts_; ++e) {
        double sum = 0, squares = 0;
        for (const int64_t s : group) {
          const double share = expert(e)[s] * inverse[s];
          sum += share;
          squares += share * share;
        }
        const double variance = squares - sum * sum / static_cast<double>(group.size());
        if (variance > most) widest = e;
        most = std::max(most, variance);
      }
      const std::span<const double> tokens = expert(widest);
      const size_t half = group.size() / 2;
      std::ranges::nth_element(group, group.begin() + static_cast<int64_t>(half),
                               [&](int64_t a, int64_t b) {
                                 const double x = tokens[a] * inverse[a];
                                 const double y = tokens[b] * inverse[b];
                                 return x != y ? x < y : a < b;
                               });
      halves.insert(halves.end(), {group.first(half), group.subspan(half)});
    }
    groups = std::move(halves);
  }
  StepMatrix merged(num_experts_, std::ssize(groups));
  merged.sum_ = sum_;
  for (int e = 0; e < num_experts_; ++e) {
    for (int64_t g = 0; g < std::ssize(groups); ++g) {
      for (const int64_t s : groups[g]) merged.tokens_[e * merged.num_steps_ + g] += expert(e)[s];
    }
  }
  return merged;
}

std::vector<BusiestRank::Tied> BusiestRank::FindTied(const LayerRanks& ranks) const {
  std::vector<int32_t> head(speeds_.size());  // a union-find forest
  std::iota(head.begin(), head.end(), 0);
  const auto find = [&head](int32_t rank) {
    while (head[rank] != rank) rank = head[rank] = head[head[rank]];
    return rank;
  };
  for (const std::vector<int32_t>& of_expert : ranks) {
    OCTET_CHECK(!of_expert.empty());
    for (const int32_t rank : of_expert) head[find(rank)] = find(of_expert.front());
  }
  std::vector<Tied> of_head(speeds_.size());
  for (int32_t r = 0; r < std::ssize(speeds_); ++r) of_head[find(r)].ranks.push_back(r);
  for (int e = 0; e < std::ssize(ranks); ++e) {
    of_head[find(ranks[e].front())].experts.push_back(e);
  }
  std::erase_if(of_head, [](const Tied& tied) { return tied.experts.empty(); });
  return of_head;
}

void BusiestRank::TakeSets(const Tied& tied, const LayerRanks& ranks, const StepMatrix& steps,
                           std::span<double> times) {
  const size_t num_sets = size_t{1} << tied.ranks.size();
  std::vector<double> speeds(num_sets);
  for (size_t set = 1; set < num_sets; ++set) {
    for (size_t i = 0; i < tied.ranks.size(); ++i) {
      if ((set >> i & 1) != 0) speeds[set] += speeds_[tied.ranks[i]];
    }
  }
  std::vector<size_t> set_of;  // [tied.experts]
  for (const int e : tied.experts) {
    size_t& set = set_of.emplace_back(0);
    for (size_t i = 0; i < tied.ranks.size(); ++i) {
      if (std::ranges::binary_search(ranks[e], tied.ranks[i])) set |= size_t{1} << i;
    }
  }
  for (int64_t first = 0; first < steps.num_steps(); first += kBlock) {
    const int64_t count = std::min(kBlock, steps.num_steps() - first);
    tokens_of_sets_.assign(num_sets * kBlock, 0);
    for (size_t i = 0; i < set_of.size(); ++i) {
      const double* const from = &steps.expert(tied.experts[i])[first];
      double* const to = &tokens_of_sets_[set_of[i] * kBlock];
      for (int64_t s = 0; s < count; ++s) to[s] += from[s];
    }
    AddSubsets(tokens_of_sets_, tied.ranks.size(), kBlock);
    for (size_t set = 1; set < num_sets; ++set) {
      const double* const tokens = &tokens_of_sets_[set * kBlock];
      for (int64_t s = 0; s < count; ++s) {
        times[first + s] = std::max(times[first + s], tokens[s] / speeds[set]);
      }
    }
  }
}

void BusiestRank::TakeSetsOfExperts(const Tied& tied, const LayerRanks& ranks,
                                    const StepMatrix& steps, std::span<double> times) {
  const size_t num_sets = size_t{1} << tied.experts.size();
  std::vector<size_t> set_on(speeds_.size());  // the experts on each rank
  for (size_t i = 0; i < tied.experts.size(); ++i) {
    for (const int32_t rank : ranks[tied.experts[i]]) set_on[rank] |= size_t{1} << i;
  }
  std::vector<double> without(num_sets);  // the speed of ranks that have no others
  for (const int32_t rank : tied.ranks) without[set_on[rank]] += speeds_[rank];
  AddSubsets(without, tied.experts.size(), 1);
  for (int64_t first = 0; first < steps.num_steps(); first += kBlock) {
    const int64_t count = std::min(kBlock, steps.num_steps() - first);
    tokens_of_sets_.assign(num_sets * kBlock, 0);
    for (size_t set = 1; set < num_sets; ++set) {
      const double* const of_expert = &steps.expert(tied.experts[std::countr_zero(set)])[first];
      const double* const others = &tokens_of_sets_[(set & (set - 1)) * kBlock];
      double* const tokens = &tokens_of_sets_[set * kBlock];
      const double speed = without[num_sets - 1] - without[num_sets - 1 - set];
      for (int64_t s = 0; s < count; ++s) {
        tokens[s] = others[s] + of_expert[s];
        times[first + s] = std::max(times[first + s], tokens[s] / speed);
      }
    }
  }
}

void BusiestRank::TakeFlows(const Tied& tied, const LayerRanks& ranks, const StepMatrix& steps,
                            std::span<double> times) {
  for (int64_t s = 0; s < steps.num_steps(); ++s) {
    flow_.Begin(speeds_);
    for (const int e : tied.experts) flow_.AddExpert(steps.expert(e)[s], ranks[e]);
    times[s] = std::max(times[s], flow_.Divide());
  }
}

void BusiestRank::Compute(const LayerRanks& ranks, const StepMatrix& steps,
                          std::span<double> times) {
  std::ranges::fill(times, 0);
  for (const Tied& tied : FindTied(ranks)) {
    if (std::min(std::ssize(tied.ranks), std::ssize(tied.experts)) > kMostInSets) {
      TakeFlows(tied, ranks, steps, times);
    } else if (tied.ranks.size() <= tied.experts.size()) {
      TakeSets(tied, ranks, steps, times);
    } else {
      TakeSetsOfExperts(tied, ranks, steps, times);
    }
  }
}

double BusiestRank::Mean(const LayerRanks& ranks, const StepMatrix& steps) {
  times_.resize(steps.num_steps());
  Compute(ranks, steps, times_);
  return std::accumulate(times_.begin(), times_.end(), 0.0) /
         static_cast<double>(steps.num_steps());
}

}  // namespace octet
