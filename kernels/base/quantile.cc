#include "kernels/base/quantile.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "kernels/base/check.h"

namespace octet {

double QuantileOfSorted(std::span<const double> sorted, double q) {
  OCTET_CHECK(!sorted.empty() && q >= 0 && q <= 1);
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], place - static_cast<double>(below));
}

double Quantile(std::vector<double> values, double q) {
  std::ranges::sort(values);
  return QuantileOfSorted(values, q);
}

}  // namespace octet
