#include "parallel/placement/placement_change.h"

#include <algorithm>
#include <tuple>

namespace octet {
namespace {

double BusiestRank(const ExpertPlacement& placement, int layer, std::span<const int64_t> counts) {
  std::vector<double> load(placement.num_ranks());
  for (int e = 0; e < placement.num_experts(); ++e) {
    const std::span<const int32_t> ranks = placement.ranks(layer, e);
    for (const int32_t rank : ranks) {
      load[rank] += static_cast<double>(counts[e]) / static_cast<double>(ranks.size());
    }
  }
  return *std::ranges::max_element(load);
}

// Returns the number of experts that `a` and `b` have in common. b: ascending.
int64_t CountCommon(const std::vector<int>& a, const std::vector<int>& b) {
  return std::ranges::count_if(a, [&b](int e) { return std::ranges::binary_search(b, e); });
}

// Returns the name in `now` for each rank of `target`. Pairs of ranks with most in common come
// first.
std::vector<int32_t> FindNames(const ExpertPlacement& now, const ExpertPlacement& target,
                               int layer) {
  const int num_ranks = now.num_ranks();
  std::vector<std::vector<int>> has, wants;
  for (int r = 0; r < num_ranks; ++r) {
    has.push_back(now.LocalExperts(layer, r));
    wants.push_back(target.LocalExperts(layer, r));
  }
  std::vector<std::tuple<int64_t, int, int>> pairs;  // -(in common), rank of `target`, its name
  for (int from = 0; from < num_ranks; ++from) {
    for (int name = 0; name < num_ranks; ++name) {
      if (wants[from].size() != wants[name].size()) continue;
      pairs.emplace_back(-CountCommon(wants[from], has[name]), from, name);
    }
  }
  std::ranges::sort(pairs);
  std::vector<int32_t> names(num_ranks, -1);
  std::vector<bool> is_taken(num_ranks);
  for (const auto& [common, from, name] : pairs) {
    if (names[from] >= 0 || is_taken[name]) continue;
    names[from] = name;
    is_taken[name] = true;
  }
  return names;
}

}  // namespace

std::vector<int32_t> NewRanks(const ExpertPlacement& now, const ExpertPlacement& target, int layer,
                              int expert) {
  std::vector<int32_t> ranks;
  std::ranges::set_difference(target.ranks(layer, expert), now.ranks(layer, expert),
                              std::back_inserter(ranks));
  return ranks;
}

bool IsSameLayer(const ExpertPlacement& a, const ExpertPlacement& b, int layer) {
  for (int e = 0; e < a.num_experts(); ++e) {
    if (!std::ranges::equal(a.ranks(layer, e), b.ranks(layer, e))) return false;
  }
  return true;
}

ExpertPlacement RenameRanks(const ExpertPlacement& now, const ExpertPlacement& target) {
  std::vector<std::vector<int32_t>> ranks;
  for (int l = 0; l < now.num_layers(); ++l) {
    const std::vector<int32_t> names = FindNames(now, target, l);
    for (int e = 0; e < now.num_experts(); ++e) {
      std::vector<int32_t>& of_expert = ranks.emplace_back();
      for (const int32_t rank : target.ranks(l, e)) of_expert.push_back(names[rank]);
      std::ranges::sort(of_expert);
    }
  }
  return ExpertPlacement::FromRanks(now.shape(), std::move(ranks));
}

ExpertPlacement KeepUnlessBetter(const ExpertPlacement& now, const ExpertPlacement& target,
                                 const ExpertCounts& counts) {
  ExpertPlacement result = now;
  for (int l = 0; l < now.num_layers(); ++l) {
    if (BusiestRank(target, l, counts[l]) < BusiestRank(now, l, counts[l])) {
      result.TakeLayer(l, target);
    }
  }
  return result;
}

ExpertPlacement KeepWithoutRoom(const ExpertPlacement& now, const ExpertPlacement& target,
                                std::span<const int64_t> rooms, int& num_kept) {
  ExpertPlacement result = now;
  std::vector<int64_t> pairs = now.CountPairs();
  num_kept = 0;
  for (int l = 0; l < now.num_layers(); ++l) {
    std::vector<int64_t> after = pairs;
    bool has_room = true;
    for (int e = 0; e < now.num_experts(); ++e) {
      for (const int32_t rank : NewRanks(now, target, l, e)) {
        ++after[rank];
        has_room = has_room && after[rank] <= rooms[rank];
      }
    }
    if (!has_room) {
      ++num_kept;
      continue;
    }
    for (int e = 0; e < now.num_experts(); ++e) {
      for (const int32_t rank : NewRanks(target, now, l, e)) --after[rank];
    }
    pairs = std::move(after);
    result.TakeLayer(l, target);
  }
  return result;
}

}  // namespace octet
