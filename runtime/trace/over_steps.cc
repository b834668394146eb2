#include "runtime/trace/over_steps.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels/base/quantile.h"

namespace octet {

double Mean(std::span<const float> values) {
  return values.empty() ? 0
                        : std::accumulate(values.begin(), values.end(), 0.0) /
                              static_cast<double>(values.size());
}

OverSteps Summarize(std::span<const float> values) {
  OverSteps over;
  if (values.empty()) return over;
  std::vector<double> sorted(values.begin(), values.end());
  std::ranges::sort(sorted);
  over.set_mean(Mean(values));
  over.set_p50(QuantileOfSorted(sorted, 0.5));
  over.set_p90(QuantileOfSorted(sorted, 0.9));
  over.set_p99(QuantileOfSorted(sorted, 0.99));
  return over;
}

}  // namespace octet
