// Whether two lists of numbers are in the same order.

#ifndef OCTET_LAUNCH_STATISTICS_RANK_CORRELATION_H_
#define OCTET_LAUNCH_STATISTICS_RANK_CORRELATION_H_

#include <optional>
#include <span>

namespace octet {

// Returns Spearman's rank correlation of a[i] and b[i], from -1 to 1; equal numbers share their
// mean rank. Nothing if all numbers of a list are equal, or if there are fewer than two.
std::optional<double> RankCorrelation(std::span<const double> a, std::span<const double> b);

}  // namespace octet

#endif  // OCTET_LAUNCH_STATISTICS_RANK_CORRELATION_H_
