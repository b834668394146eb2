// Numbers with intervals, in named rows.

#ifndef OCTET_LAUNCH_PAGES_DOT_CHART_H_
#define OCTET_LAUNCH_PAGES_DOT_CHART_H_

#include <limits>
#include <string>
#include <vector>

#include "launch/pages/picture.h"

namespace octet {

struct Dot {
  double value = std::numeric_limits<double>::quiet_NaN();  // not finite: there is none
  double low = value, high = value;
};

struct DotSeries {
  std::string name;
  bool filled = true;     // the marker
  std::vector<Dot> dots;  // [rows]
};

struct DotReference {
  std::string name;
  double x = 0;
};

struct DotChart {
  std::string x_label;
  std::vector<std::string> rows;
  std::vector<DotSeries> series;
  std::vector<DotReference> references;  // vertical lines
};

Picture DrawDotChart(const DotChart& chart);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_DOT_CHART_H_
