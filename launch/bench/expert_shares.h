// How likely a token goes to each expert, and the choice that follows.

#ifndef OCTET_LAUNCH_BENCH_EXPERT_SHARES_H_
#define OCTET_LAUNCH_BENCH_EXPERT_SHARES_H_

#include <cstdint>
#include <span>
#include <vector>

namespace octet {

// One, as a share. Shares are whole numbers: sums are exact, and alike on every machine.
inline constexpr int64_t kWholeShare = int64_t{1} << 32;

// The probabilities with which each expert is among a token's top k, in proportion to `weights`
// (finite, none negative, at least `topk` of them positive). None is above kWholeShare: what is cut
// off goes to the others in proportion. They sum to topk * kWholeShare. [experts]
std::vector<int64_t> MakeShares(std::span<const double> weights, int topk);

// Systematic sampling: experts stand on a line in this `order`, each as long as its share; those at
// point, point + kWholeShare, point + 2 kWholeShare, ... are chosen, and are therefore different.
// shares: [order.size()], of the experts in `order`; their sum is chosen.size() * kWholeShare.
// `point` lies in [0, kWholeShare).
void ChooseExperts(std::span<const int32_t> order, std::span<const int64_t> shares, uint32_t point,
                   std::span<int32_t> chosen);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_EXPERT_SHARES_H_
