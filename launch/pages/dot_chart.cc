#include "launch/pages/dot_chart.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cmath>

namespace octet {
namespace {

// Series of a row are a little apart, so that none hides another.
double OffsetOf(size_t series, size_t num_series) {
  return 0.3 * (static_cast<double>(series) - (static_cast<double>(num_series) - 1) / 2) /
         static_cast<double>(std::max<size_t>(num_series, 2));
}

std::string DotPlot(const DotSeries& series, size_t i) {
  const int marker = (i % 2 == 0 ? 6 : 4) + (series.filled ? 1 : 0);  // circles, squares
  const bool has_intervals = std::ranges::any_of(
      series.dots, [](const Dot& dot) { return std::isfinite(dot.value) && dot.low != dot.high; });
  return absl::StrFormat(
      "$d%d using 1:2%s pointtype %d pointsize 0.9 linewidth 1.5 linecolor %s title %s", i,
      has_intervals ? ":3:4 with xerrorbars" : " with points", marker, PlotColour(i),
      PlotText(series.name));
}

}  // namespace

Picture DrawDotChart(const DotChart& chart) {
  std::string data;
  std::vector<std::string> plots;
  const auto bottom = static_cast<double>(chart.rows.size()) - 0.5;
  for (size_t i = 0; i < chart.references.size(); ++i) {
    const double x = chart.references[i].x;
    const std::string block = absl::StrCat("$r", i);
    data += DataBlock(block, {{x, -0.5}, {x, bottom}});
    plots.push_back(absl::StrFormat(
        "%s using 1:2 with lines linecolor rgb '#555555' linewidth 1.5 dashtype %d title %s", block,
        2 + i, PlotText(chart.references[i].name)));
  }
  for (size_t i = 0; i < chart.series.size(); ++i) {
    std::vector<std::vector<double>> rows;
    for (size_t r = 0; r < chart.series[i].dots.size(); ++r) {
      const Dot& dot = chart.series[i].dots[r];
      const double y = static_cast<double>(r) + OffsetOf(i, chart.series.size());
      rows.push_back({dot.value, y, dot.low, dot.high});
    }
    data += DataBlock(absl::StrCat("$d", i), rows);
    plots.push_back(DotPlot(chart.series[i], i));
  }
  return {.width = 860,
          .height = 130 + 22 * static_cast<int>(std::min<size_t>(chart.rows.size(), 80)) +
                    12 * static_cast<int>(plots.size()),
          .script = absl::StrCat(data, NamedTics("y", chart.rows), "set yrange [", bottom,
                                 ":-0.5]\nset xlabel ", PlotText(chart.x_label),
                                 "\nset offsets graph 0.03, graph 0.03, 0, 0\nset grid linecolor "
                                 "rgb '#e4e4e4' dashtype 1\n",
                                 "set key bmargin left vertical maxcols 1 Left reverse samplen 2\n",
                                 "plot ", absl::StrJoin(plots, ", "), "\n")};
}

}  // namespace octet
