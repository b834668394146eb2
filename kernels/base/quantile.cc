#include "kernels/base/quantile.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "kernels/base/check.h"

namespace octet {

double Quantile(std::vector<double> values, double q) {
  OCTET_CHECK(!values.empty() && q >= 0 && q <= 1);
  std::ranges::sort(values);
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, values.size() - 1);
  return std::lerp(values[below], values[above], place - static_cast<double>(below));
}

}  // namespace octet
