// The median of measurements.

#ifndef OCTET_LAUNCH_BENCH_MEDIAN_H_
#define OCTET_LAUNCH_BENCH_MEDIAN_H_

#include <algorithm>
#include <vector>

namespace octet {

// Returns the middle value, the upper one of two. There must be one.
inline double Median(std::vector<double> values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_MEDIAN_H_
