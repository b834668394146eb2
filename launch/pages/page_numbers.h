// Numbers as a page has them.

#ifndef OCTET_LAUNCH_PAGES_PAGE_NUMBERS_H_
#define OCTET_LAUNCH_PAGES_PAGE_NUMBERS_H_

#include <cstdint>
#include <string>

#include "launch/statistics/statistics.h"

namespace octet {

// Returns four digits that count; fewer behind a point, more before it.
std::string NumeralOf(double value);

// Returns a share in [0, 1], or any ratio, as "12.3 %".
std::string PercentOf(double share);

// Returns "3.21 MB".
std::string BytesText(int64_t bytes);

// Returns "1.234 [1.101, 1.382]", or "1.234, no interval of one pair".
std::string IntervalOf(const RatioEstimate& estimate);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_PAGE_NUMBERS_H_
