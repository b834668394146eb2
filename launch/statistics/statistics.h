// The statistics of few measured numbers.

#ifndef OCTET_LAUNCH_STATISTICS_STATISTICS_H_
#define OCTET_LAUNCH_STATISTICS_STATISTICS_H_

#include <span>

#include "kernels/base/quantile.h"

namespace octet {

// A ratio with its 95 % interval.
struct RatioEstimate {
  double ratio = 0;  // geometric mean of the pairs' ratios
  double low = 0;    // equal to `high` and to `ratio` if there is one pair: no interval is known
  double high = 0;
  int pairs = 0;

  bool has_interval() const { return pairs > 1; }

  // Returns whether the interval leaves out 1.
  bool Separates() const { return has_interval() && (low > 1 || high < 1); }
};

// Returns what b is to a, where b[i] and a[i] were measured together: Student's t interval of the
// logarithms of the ratios. All numbers must be positive. (A bootstrap of the usual three to five
// repetitions covers far less than it says.)
RatioEstimate RatioOfPairs(std::span<const double> a, std::span<const double> b);

}  // namespace octet

#endif  // OCTET_LAUNCH_STATISTICS_STATISTICS_H_
