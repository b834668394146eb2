#include "launch/pages/page_numbers.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <array>
#include <cmath>

namespace octet {

std::string NumeralOf(double value) {
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (size >= 1e7 || size < 1e-4) return absl::StrFormat("%.3e", value);
  const int before = static_cast<int>(std::floor(std::log10(size)));  // digits, less one
  return absl::StrFormat("%.*f", std::max(0, 3 - before), value);
}

std::string PercentOf(double share) {
  const double tenths = std::round(1000 * share);
  return absl::StrFormat("%.1f %%", tenths == 0 ? 0 : tenths / 10);  // never -0.0
}

std::string BytesText(int64_t bytes) {
  constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB", "PB"};
  auto amount = static_cast<double>(bytes);
  size_t unit = 0;
  for (; amount >= 1000 && unit + 1 < kUnits.size(); ++unit) amount /= 1000;
  return unit == 0 ? absl::StrCat(bytes, " B") : absl::StrFormat("%.2f %s", amount, kUnits[unit]);
}

std::string IntervalOf(const RatioEstimate& estimate) {
  if (!estimate.has_interval()) {
    return absl::StrFormat("%.3f, no interval of one pair", estimate.ratio);
  }
  return absl::StrFormat("%.3f [%.3f, %.3f]", estimate.ratio, estimate.low, estimate.high);
}

}  // namespace octet
