#include "runtime/replay/piecewise.h"

#include <algorithm>

#include "kernels/base/check.h"
#include "kernels/base/quantile.h"

namespace octet {

void Piecewise::Finish() {
  x_.clear();
  y_.clear();
  for (const auto& [x, values] : values_) {
    x_.push_back(x);
    y_.push_back(Median(values));
  }
}

double Piecewise::operator()(double x) const {
  OCTET_CHECK(!x_.empty());
  if (x <= x_.front() || x_.size() == 1) return y_.front();
  const auto above = std::ranges::lower_bound(x_, x) - x_.begin();
  const auto i = std::min<long>(above, std::ssize(x_) - 1);
  const double slope = (y_[i] - y_[i - 1]) / (x_[i] - x_[i - 1]);
  return std::max(0.0, y_[i - 1] + slope * (x - x_[i - 1]));
}

}  // namespace octet
