#include "runtime/trace/over_steps.h"

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
  const std::vector<double> numbers(values.begin(), values.end());
  over.set_mean(Mean(values));
  over.set_p50(Median(numbers));
  over.set_p90(Quantile(numbers, 0.9));
  over.set_p99(Quantile(numbers, 0.99));
  return over;
}

}  // namespace octet
