#include "launch/statistics/statistics.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/base/check.h"

namespace octet {
namespace {

// Returns the 97.5 % point of Student's t (NIST/SEMATECH e-Handbook, 1.3.6.7.2). For more than 30
// degrees of freedom it is that of 30, which makes an interval at most 4.2 % wider.
double StudentT(int degrees) {
  constexpr std::array kPoints = {12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306,
                                  2.262,  2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
                                  2.110,  2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064,
                                  2.060,  2.056, 2.052, 2.048, 2.045, 2.042};
  return kPoints[std::min<size_t>(degrees, kPoints.size()) - 1];
}

}  // namespace

RatioEstimate RatioOfPairs(std::span<const double> a, std::span<const double> b) {
  OCTET_CHECK_EQ(a.size(), b.size());
  OCTET_CHECK(!a.empty());
  const auto n = static_cast<double>(a.size());
  double mean = 0;
  for (size_t i = 0; i < a.size(); ++i) mean += std::log(b[i] / a[i]) / n;
  RatioEstimate estimate = {.ratio = std::exp(mean),
                            .low = std::exp(mean),
                            .high = std::exp(mean),
                            .pairs = static_cast<int>(a.size())};
  if (!estimate.has_interval()) return estimate;
  double squares = 0;
  for (size_t i = 0; i < a.size(); ++i) squares += std::pow(std::log(b[i] / a[i]) - mean, 2);
  const double half = StudentT(estimate.pairs - 1) * std::sqrt(squares / (n - 1) / n);
  estimate.low = std::exp(mean - half);
  estimate.high = std::exp(mean + half);
  return estimate;
}

}  // namespace octet
