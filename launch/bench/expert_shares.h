// The probability of each expert for a token, and the choice by it.

#ifndef OCTET_LAUNCH_BENCH_EXPERT_SHARES_H_
#define OCTET_LAUNCH_BENCH_EXPERT_SHARES_H_

#include <cstdint>
#include <span>
#include <vector>

namespace octet {

// The share that means 1. Shares are whole numbers, so sums are exact, and equal on every machine.
inline constexpr int64_t kWholeShare = int64_t{1} << 32;

// Returns the probability of each expert to be among a token's top k, in proportion to `weights`
// (finite, none negative, at least `topk` of them positive): [experts]. None is above kWholeShare;
// the excess goes to the others in proportion. They sum to topk * kWholeShare.
std::vector<int64_t> MakeShares(std::span<const double> weights, int topk);

// Chooses experts by systematic sampling. Experts form a line in this `order`, each as long as its
// share. Those at point, point + kWholeShare, point + 2 kWholeShare, ... are chosen, so they are
// all different. shares: [order.size()], of the experts in `order`; they must sum to chosen.size()
// * kWholeShare. `point` must be in [0, kWholeShare).
void ChooseExperts(std::span<const int32_t> order, std::span<const int64_t> shares, uint32_t point,
                   std::span<int32_t> chosen);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_EXPERT_SHARES_H_
