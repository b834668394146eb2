#include "parallel/planner/token_copies.h"

#include <algorithm>
#include <numeric>

#include "kernels/base/check.h"

namespace octet {
namespace {

// As std::popcount, which is a call where the compiler may not assume the instruction.
int CountBits(uint64_t bits) {
  bits -= bits >> 1 & 0x5555555555555555U;
  bits = (bits & 0x3333333333333333U) + (bits >> 2 & 0x3333333333333333U);
  bits = (bits + (bits >> 4)) & 0x0f0f0f0f0f0f0f0fU;
  return static_cast<int>(bits * 0x0101010101010101U >> 56);
}

}  // namespace

CopyCounter::CopyCounter(std::span<const int> hosts) {
  const int num_hosts = 1 + *std::ranges::max_element(hosts);
  ranks_.of_rank.resize(hosts.size());
  std::iota(ranks_.of_rank.begin(), ranks_.of_rank.end(), 0);
  ranks_.homes.assign(hosts.size(), 1);
  ranks_.has.resize(hosts.size());
  hosts_.of_rank.assign(hosts.begin(), hosts.end());
  hosts_.homes.resize(num_hosts);
  hosts_.has.resize(num_hosts);
  for (const int host : hosts) ++hosts_.homes[host];
}

// Returns the rows of a token whose home lacks these of its experts.
CopyCounter::Sums CopyCounter::CoverFrom(uint64_t missing, uint64_t all,
                                         const Places& places) const {
  Sums sums;
  while (missing != 0) {
    uint64_t best = 0;
    int most = 0;
    for (const int32_t place : touched_) {
      const uint64_t served = places.has[place] & missing;
      const int count = CountBits(served);
      if (count <= most) continue;
      best = served;
      most = count;
    }
    missing &= ~best;
    ++sums.places;
    sums.returns += best == all ? 1 : most;
  }
  return sums;
}

CopyCounter::Sums CopyCounter::Cover(const LayerRanks& ranks, std::span<const int32_t> experts,
                                     Places& places) {
  touched_.clear();
  bool has_replicas = false;
  for (size_t i = 0; i < experts.size(); ++i) {
    has_replicas = has_replicas || ranks[experts[i]].size() > 1;
    for (const int32_t rank : ranks[experts[i]]) {
      const int32_t place = places.of_rank[rank];
      if (places.has[place] == 0) touched_.push_back(place);
      places.has[place] |= uint64_t{1} << i;
    }
  }
  const uint64_t all = ~uint64_t{0} >> (64 - experts.size());
  double other_homes = static_cast<double>(ranks_.of_rank.size());
  Sums sums;
  if (!has_replicas) {  // nothing to choose
    for (const int32_t place : touched_) {
      const double others = other_homes - places.homes[place];
      sums.places += others;
      sums.returns += others * (places.has[place] == all ? 1 : CountBits(places.has[place]));
      places.has[place] = 0;
    }
    return sums;
  }
  const auto add = [&](uint64_t missing, double homes) {
    const Sums of_home = CoverFrom(missing, all, places);
    sums.places += homes * of_home.places;
    sums.returns += homes * of_home.returns;
  };
  for (const int32_t place : touched_) {
    add(all & ~places.has[place], places.homes[place]);
    other_homes -= places.homes[place];
  }
  add(all, other_homes);
  for (const int32_t place : touched_) places.has[place] = 0;
  return sums;
}

TokenCopies CopyCounter::Count(const LayerRanks& ranks, const TokenSets& sets) {
  OCTET_CHECK(sets.topk > 0 && sets.topk <= kMostTopk);
  TokenCopies copies;
  double tokens = 0;
  for (int64_t i = 0; i < sets.num_sets(); ++i) {
    const auto experts = std::span(sets.experts).subspan(i * sets.topk, sets.topk);
    const auto weight = static_cast<double>(sets.tokens[i]);
    const Sums over_ranks = Cover(ranks, experts, ranks_);
    copies.ranks += weight * over_ranks.places;
    copies.returns += weight * over_ranks.returns;
    if (hosts_.homes.size() > 1) copies.hosts += weight * Cover(ranks, experts, hosts_).places;
    tokens += weight;
  }
  const double homes = tokens * static_cast<double>(ranks_.of_rank.size());
  return {copies.ranks / homes, copies.hosts / homes, copies.returns / homes};
}

}  // namespace octet
