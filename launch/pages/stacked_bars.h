// Sums by their parts.

#ifndef OCTET_LAUNCH_PAGES_STACKED_BARS_H_
#define OCTET_LAUNCH_PAGES_STACKED_BARS_H_

#include <string>
#include <vector>

#include "launch/pages/picture.h"

namespace octet {

struct StackedBars {
  // What time was spent on: work; the wait for ranks that came late; transfer that no work hid.
  enum class Kind { kWork, kLate, kExposed };
  struct Part {
    std::string name;
    Kind kind = Kind::kWork;
  };
  struct Bar {
    std::string name;
    std::vector<double> values;  // [parts], not negative
  };

  std::string x_label;  // of the values, with their unit
  std::vector<Part> parts;
  std::vector<Bar> bars;
};

// Returns horizontal bars. Parts are numbered in the bars and in the key, and those of each kind
// have a pattern, so that the picture reads without colour.
Picture DrawStackedBars(const StackedBars& bars);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_STACKED_BARS_H_
