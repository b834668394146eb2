// Lines and points over two axes.

#ifndef OCTET_LAUNCH_PAGES_LINE_CHART_H_
#define OCTET_LAUNCH_PAGES_LINE_CHART_H_

#include <string>
#include <vector>

#include "launch/pages/picture.h"

namespace octet {

struct ChartPoint {
  double x = 0, y = 0;
  double low = y, high = y;  // of y
};

enum class Stroke {
  kMarkers,          // points with their intervals
  kMarkedLine,       // the same with a line
  kHeavyLine,        // black
  kThinLine,         // grey
  kDashedReference,  // an ideal, a bound
};

struct ChartSeries {
  std::string name;  // empty: not in the key
  Stroke stroke = Stroke::kMarkedLine;
  std::vector<ChartPoint> points;
};

struct LineChart {
  std::string x_label, y_label;
  bool log_scales = false;     // of base 2, where all numbers are positive
  std::vector<double> x_tics;  // empty: gnuplot chooses
  bool from_zero = false;
  bool square = false;
  std::vector<ChartSeries> series;
};

// Series differ by marker and dashes, and by colour.
Picture DrawLineChart(const LineChart& chart);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_LINE_CHART_H_
