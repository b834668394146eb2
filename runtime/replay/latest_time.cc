#include "runtime/replay/latest_time.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace octet {

void LatestTime::Add(double mean, double variance) {
  const double spread = std::sqrt(variance_ + variance);
  const double distance = mean_ - mean;
  constexpr double kFar = 6;  // the other one is never later
  if (empty_ || std::abs(distance) >= kFar * spread) {
    if (empty_ || distance < 0) {
      mean_ = mean;
      variance_ = variance;
    }
    empty_ = false;
    return;
  }
  const double a = distance / spread;
  const double first_is_later = 0.5 * std::erfc(-a / std::numbers::sqrt2);
  const double second_is_later = 1 - first_is_later;
  const double density =
      std::exp(-0.5 * a * a) * 0.5 * std::numbers::inv_sqrtpi * std::numbers::sqrt2;
  // Around the second mean, so that small variances are not lost beside great times.
  const double later = distance * first_is_later + spread * density;
  const double square = (distance * distance + variance_) * first_is_later +
                        variance * second_is_later + distance * spread * density;
  mean_ = mean + later;
  variance_ = std::max(0.0, square - later * later);
}

}  // namespace octet
