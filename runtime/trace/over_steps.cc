#include "runtime/trace/over_steps.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace octet {
namespace {

// Returns the least value that a `share` of the values does not exceed.
double Percentile(std::span<const float> sorted, double share) {
  if (sorted.empty()) return 0;
  const auto rank = std::ceil(share * static_cast<double>(sorted.size()));
  return sorted[static_cast<size_t>(std::max(rank, 1.0)) - 1];
}

}  // namespace

double Mean(std::span<const float> values) {
  return values.empty() ? 0
                        : std::accumulate(values.begin(), values.end(), 0.0) /
                              static_cast<double>(values.size());
}

OverSteps Summarize(std::vector<float> values) {
  std::ranges::sort(values);
  OverSteps over;
  over.set_mean(Mean(values));
  over.set_p50(Percentile(values, 0.5));
  over.set_p90(Percentile(values, 0.9));
  over.set_p99(Percentile(values, 0.99));
  return over;
}

}  // namespace octet
