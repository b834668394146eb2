#include "launch/pages/load_pictures.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "launch/pages/heat_map.h"
#include "launch/pages/line_chart.h"
#include "launch/pages/page_numbers.h"

namespace octet {
namespace {

double SumOf(std::span<const int64_t> counts) {
  return static_cast<double>(std::accumulate(counts.begin(), counts.end(), int64_t{0}));
}

std::vector<ChartPoint> CurveOf(const std::vector<double>& shares) {
  std::vector<ChartPoint> points = {{.x = 0, .y = 0}};
  const auto n = static_cast<double>(shares.size());
  for (size_t i = 0; i < shares.size(); ++i) {
    points.push_back({.x = 100 * static_cast<double>(i + 1) / n, .y = shares[i]});
  }
  return points;
}

bool FitsHeatMap(size_t rows, size_t columns) {
  return rows > 0 && columns > 0 && columns <= kMostCells && rows * columns <= kMostCells;
}

void SayTooLarge(HtmlPage& page, const std::string& what, size_t rows, size_t columns) {
  page.Paragraph(absl::StrCat("There is no picture of ", what, ": ", rows, " x ", columns,
                              " cells are more than ", kMostCells, "."));
}

}  // namespace

double MaxOverMeanOf(std::span<const int64_t> counts) {
  const double sum = SumOf(counts);
  if (sum == 0) return 0;
  return static_cast<double>(*std::ranges::max_element(counts)) *
         static_cast<double>(counts.size()) / sum;
}

std::vector<double> CumulativeShares(std::span<const int64_t> counts) {
  std::vector<int64_t> sorted(counts.begin(), counts.end());
  std::ranges::sort(sorted, std::greater());
  const double sum = SumOf(counts);
  std::vector<double> shares;
  double so_far = 0;
  for (const int64_t count : sorted) {
    so_far += static_cast<double>(count);
    shares.push_back(sum > 0 ? 100 * so_far / sum : 0);
  }
  return shares;
}

void AddLoadMap(HtmlPage& page, const TokenCounts& counts, const std::string& owner) {
  if (counts.empty() || counts[0].empty()) return;
  if (!FitsHeatMap(counts.size(), counts[0].size())) {
    SayTooLarge(page, absl::StrCat("the load of each ", owner), counts.size(), counts[0].size());
    return;
  }
  HeatMap map = {.x_label = owner, .y_label = "layer", .value_label = "share of tokens, %"};
  for (const std::vector<int64_t>& layer : counts) {
    const double sum = SumOf(layer);
    std::vector<double>& row = map.values.emplace_back();
    for (const int64_t n : layer) row.push_back(sum > 0 ? 100 * static_cast<double>(n) / sum : 0);
  }
  page.Figure(
      absl::StrCat("Load of each ", owner, " in each layer, in percent of the layer's tokens; ",
                   "an even load is ", NumeralOf(100 / static_cast<double>(counts[0].size())),
                   " % everywhere."),
      DrawHeatMap(map));
}

void AddLoadCurve(HtmlPage& page, const TokenCounts& counts) {
  if (counts.empty() || counts[0].size() < 2) return;
  LineChart chart = {.x_label = "experts, the busiest first, %",
                     .y_label = "tokens that they got, %",
                     .from_zero = true};
  std::vector<double> mean(counts[0].size(), 0);
  for (const std::vector<int64_t>& layer : counts) {
    const std::vector<double> shares = CumulativeShares(layer);
    for (size_t i = 0; i < mean.size(); ++i) {
      mean[i] += shares[i] / static_cast<double>(counts.size());
    }
    const std::string name = chart.series.empty() ? "a layer" : "";
    chart.series.push_back({name, Stroke::kThinLine, CurveOf(shares)});
  }
  chart.series.push_back({"mean of layers", Stroke::kHeavyLine, CurveOf(mean)});
  chart.series.push_back(
      {"even load", Stroke::kDashedReference, {{.x = 0, .y = 0}, {.x = 100, .y = 100}}});
  page.Figure("Cumulative load: which share of the tokens the busiest experts got.",
              DrawLineChart(chart));
}

void AddRankBytes(HtmlPage& page, const std::string& what, std::span<const int64_t> bytes) {
  const auto ranks = static_cast<size_t>(std::lround(std::sqrt(static_cast<double>(bytes.size()))));
  if (ranks == 0) return;
  const double sum = SumOf(bytes);
  if (!FitsHeatMap(ranks, ranks)) {
    SayTooLarge(page, what, ranks, ranks);
    return;
  }
  const int64_t most = *std::ranges::max_element(bytes);
  const double unit = most >= 10'000'000 ? 1e6 : most >= 10'000 ? 1e3 : 1;
  const std::string unit_name = unit == 1e6 ? "MB" : unit == 1e3 ? "kB" : "B";
  HeatMap map = {.x_label = "to rank",
                 .y_label = "from rank",
                 .value_label = unit_name,
                 .decimals = unit == 1 ? 0 : 1};
  HtmlTable table = {.caption = absl::StrCat(what, ", of each rank"),
                     .head = {"rank", "sent", "received", "share of what all sent"},
                     .rows = {}};
  for (size_t r = 0; r < ranks; ++r) {
    int64_t sent = 0, received = 0;
    std::vector<double>& row = map.values.emplace_back();
    for (size_t c = 0; c < ranks; ++c) {
      row.push_back(static_cast<double>(bytes[r * ranks + c]) / unit);
      sent += bytes[r * ranks + c];
      received += bytes[c * ranks + r];
    }
    table.rows.push_back({absl::StrCat(r), BytesText(sent), BytesText(received),
                          sum > 0 ? PercentOf(static_cast<double>(sent) / sum) : "-"});
  }
  page.Figure(absl::StrCat(what, ", from the row to the column, in ", unit_name, "."),
              DrawHeatMap(map));
  page.Table(table);
}

}  // namespace octet
