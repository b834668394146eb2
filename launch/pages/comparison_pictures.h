// The values of an axis against each other.

#ifndef OCTET_LAUNCH_PAGES_COMPARISON_PICTURES_H_
#define OCTET_LAUNCH_PAGES_COMPARISON_PICTURES_H_

#include <string>

#include "launch/pages/html_page.h"
#include "launch/pages/sweep_table.h"

namespace octet {

// Adds, for each axis and rate, the ratio of each pair of values with all other settings equal;
// also of those that show no difference.
void AddComparisons(HtmlPage& page, const SweepTable& table);

inline constexpr char kFaster[] = "faster";
inline constexpr char kSlower[] = "slower";
inline constexpr char kNoDifference[] = "no difference seen";
inline constexpr char kOnePair[] = "one pair: nothing is known of chance";

// Returns one of these.
std::string VerdictOf(const RatioEstimate& ratio);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_COMPARISON_PICTURES_H_
