#include "launch/pages/line_chart.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <array>
#include <utility>

namespace octet {
namespace {

// Returns how gnuplot draws series number `i` of those with markers.
std::string LineStyle(Stroke stroke, size_t i) {
  constexpr std::array kMarkers = {7, 4, 8, 12, 5, 6, 9, 13};  // discs, squares, triangles, ...
  const std::string marks = absl::StrFormat("linecolor %s pointtype %d pointsize 0.8",
                                            PlotColour(i), kMarkers[i % kMarkers.size()]);
  switch (stroke) {
    case Stroke::kMarkers:
      return absl::StrCat("with yerrorbars ", marks);
    case Stroke::kMarkedLine:
      return absl::StrCat("with yerrorlines ", marks, " linewidth 1.5 dashtype ", 1 + i % 5);
    case Stroke::kHeavyLine:
      return "with lines linecolor rgb '#000000' linewidth 3";
    case Stroke::kThinLine:
      return "with lines linecolor rgb '#9a9a9a' linewidth 0.7";
    case Stroke::kDashedReference:
      return "with lines linecolor rgb '#555555' linewidth 1.5 dashtype '-'";
  }
  return "";
}

bool HasMarkers(Stroke stroke) {
  return stroke == Stroke::kMarkers || stroke == Stroke::kMarkedLine;
}

// Returns the least and the greatest x; in a square, those of both axes.
std::pair<double, double> RangeOfX(const LineChart& chart) {
  std::vector<double> xs;
  for (const ChartSeries& series : chart.series) {
    for (const ChartPoint& p : series.points) {
      xs.push_back(p.x);
      if (chart.square) xs.push_back(p.y);
    }
  }
  const auto [least, most] = std::ranges::minmax(xs);
  return {least, most};
}

std::string SettingsOf(const LineChart& chart) {
  std::string script =
      absl::StrCat("set xlabel ", PlotText(chart.x_label), "\nset ylabel ", PlotText(chart.y_label),
                   "\nset grid linecolor rgb '#e4e4e4' dashtype 1\n",
                   "set key bmargin left vertical maxcols 1 Left reverse samplen 3\n");
  if (chart.log_scales) {
    const auto [least, most] = RangeOfX(chart);
    const std::string range =
        absl::StrCat("[", PlotNumber(least / 1.08), ":", PlotNumber(most * 1.08), "]\n");
    absl::StrAppend(&script, "set logscale xy 2\nset xrange ", range);
    if (chart.square) absl::StrAppend(&script, "set yrange ", range);
  }
  if (chart.from_zero) absl::StrAppend(&script, "set xrange [0:*]\nset yrange [0:*]\n");
  if (chart.square) absl::StrAppend(&script, "set size square\n");
  if (!chart.x_tics.empty()) {
    const auto number = [](std::string* out, double v) { *out += PlotNumber(v); };
    absl::StrAppend(&script, "set xtics (", absl::StrJoin(chart.x_tics, ", ", number), ")\n");
  }
  return script;
}

}  // namespace

Picture DrawLineChart(const LineChart& chart) {
  std::string data;
  std::vector<std::string> plots;
  size_t marked = 0, named = 0;
  for (const ChartSeries& series : chart.series) {
    const std::string block = absl::StrCat("$s", plots.size());
    std::vector<std::vector<double>> rows;
    for (const ChartPoint& p : series.points) rows.push_back({p.x, p.y, p.low, p.high});
    data += DataBlock(block, rows);
    const bool has_markers = HasMarkers(series.stroke);
    plots.push_back(absl::StrCat(block, has_markers ? " using 1:2:3:4 " : " using 1:2 ",
                                 LineStyle(series.stroke, marked), " title ",
                                 PlotText(series.name)));
    if (series.name.empty()) plots.back().replace(plots.back().rfind("title"), 8, "notitle");
    if (has_markers) ++marked;
    if (!series.name.empty()) ++named;
  }
  return {
      .width = chart.square ? 560 : 760,
      .height = (chart.square ? 520 : 380) + 18 * static_cast<int>(std::min<size_t>(named, 40)),
      .script = absl::StrCat(data, SettingsOf(chart), "plot ", absl::StrJoin(plots, ", "), "\n")};
}

}  // namespace octet
