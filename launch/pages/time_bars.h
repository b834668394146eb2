// Times by phase, as a picture and a table.

#ifndef OCTET_LAUNCH_PAGES_TIME_BARS_H_
#define OCTET_LAUNCH_PAGES_TIME_BARS_H_

#include <string>
#include <utility>
#include <vector>

#include "launch/pages/html_page.h"

namespace octet {

struct PhaseTimes {
  std::string name;                                     // "rank 0", a point
  std::vector<std::pair<std::string, double>> seconds;  // of each phase
};

// Adds a bar for each; the wait for late ranks and the exposed transfer have patterns of their own.
// `what` is the beginning of the caption.
void AddTimeBars(HtmlPage& page, const std::string& what, const std::vector<PhaseTimes>& times);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_TIME_BARS_H_
