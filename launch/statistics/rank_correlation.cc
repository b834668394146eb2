#include "launch/statistics/rank_correlation.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/base/check.h"

namespace octet {
namespace {

// Returns the ranks of the numbers less their mean.
std::vector<double> CentredRanks(std::span<const double> values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::sort(order, {}, [&](size_t i) { return values[i]; });
  std::vector<double> ranks(values.size());
  for (size_t first = 0; first < order.size();) {
    size_t end = first;
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    const double rank = (static_cast<double>(first + end) - static_cast<double>(values.size())) / 2;
    for (; first < end; ++first) ranks[order[first]] = rank;
  }
  return ranks;
}

double DotOf(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

}  // namespace

std::optional<double> RankCorrelation(std::span<const double> a, std::span<const double> b) {
  OCTET_CHECK_EQ(a.size(), b.size());
  const std::vector<double> x = CentredRanks(a);
  const std::vector<double> y = CentredRanks(b);
  const double norm = std::sqrt(DotOf(x, x) * DotOf(y, y));
  if (norm == 0) return std::nullopt;
  return DotOf(x, y) / norm;
}

}  // namespace octet
