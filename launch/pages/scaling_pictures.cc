#include "launch/pages/scaling_pictures.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "launch/pages/line_chart.h"
#include "launch/pages/page_numbers.h"

namespace octet {
namespace {

constexpr double kAlike = 1.1;

double MedianTokens(const MeasuredPoint& point) {
  std::vector<double> tokens;
  for (const auto& [repetition, run] : point.runs) tokens.push_back(TotalTokens(*run));
  return Median(tokens);
}

int RanksOf(const MeasuredPoint& point) { return point.runs.begin()->second->ranks(); }

bool AreAlike(const std::vector<double>& values) {
  const auto [least, most] = std::ranges::minmax(values);
  return least > 0 && most <= kAlike * least;
}

ScalingKind KindOfScaling(const std::vector<const MeasuredPoint*>& points) {
  std::vector<double> tokens, tokens_of_rank;
  for (const MeasuredPoint* point : points) {
    tokens.push_back(MedianTokens(*point));
    tokens_of_rank.push_back(tokens.back() / RanksOf(*point));
  }
  if (AreAlike(tokens)) return ScalingKind::kStrong;
  return AreAlike(tokens_of_rank) ? ScalingKind::kWeak : ScalingKind::kNeither;
}

// Sorts points by ranks. Of those with the same ranks only one stays: whose value of the axis is a
// number, or the first.
void KeepOneOfEachRanks(size_t axis, std::vector<const MeasuredPoint*>& points) {
  const auto key = [&](const MeasuredPoint* point) {
    int number = 0;
    const bool is_number = absl::SimpleAtoi(point->values[axis], &number);
    return std::pair(RanksOf(*point), is_number ? 0 : 1);
  };
  std::ranges::stable_sort(points, {}, key);
  const auto same = [](const MeasuredPoint* a, const MeasuredPoint* b) {
    return RanksOf(*a) == RanksOf(*b);
  };
  points.erase(std::unique(points.begin(), points.end(), same), points.end());
}

ScalingSeries SeriesOf(const std::string& settings,
                       const std::vector<const MeasuredPoint*>& points) {
  ScalingSeries series = {.settings = settings, .kind = KindOfScaling(points), .steps = {}};
  const MeasuredPoint& base = *points.front();
  for (const MeasuredPoint* point : points) {
    const RatioEstimate speedup = ComparePoints(base, *point, kWholeRate);
    if (speedup.pairs == 0) continue;
    series.steps.push_back({.ranks = RanksOf(*point),
                            .rate = Median(RatesOf(*point, kWholeRate)),
                            .speedup = speedup,
                            .efficiency = speedup.ratio * RanksOf(base) / RanksOf(*point)});
  }
  return series;
}

void AddKind(HtmlPage& page, const std::vector<ScalingSeries>& all, ScalingKind kind,
             const std::string& name) {
  LineChart chart = {
      .x_label = "ranks", .y_label = "speed-up, ideal at the fewest ranks", .log_scales = true};
  HtmlTable table = {
      .caption = absl::StrCat(name, ": tokens/s of all steps"),
      .head = {"settings", "ranks", "tokens/s", "speed-up over the fewest ranks", "efficiency"},
      .rows = {}};
  std::set<double> ranks;
  for (const ScalingSeries& series : all) {
    if (series.kind != kind) continue;
    ChartSeries line = {.name = series.settings.empty() ? "measured" : series.settings,
                        .points = {}};
    const double fewest = series.steps.front().ranks;  // where the series is on the ideal line
    for (const ScalingStep& step : series.steps) {
      ranks.insert(step.ranks);
      line.points.push_back({.x = static_cast<double>(step.ranks),
                             .y = fewest * step.speedup.ratio,
                             .low = fewest * step.speedup.low,
                             .high = fewest * step.speedup.high});
      table.rows.push_back({series.settings, absl::StrCat(step.ranks), NumeralOf(step.rate),
                            IntervalOf(step.speedup), PercentOf(step.efficiency)});
    }
    chart.series.push_back(line);
  }
  if (chart.series.empty()) return;
  ChartSeries ideal = {.name = "ideal", .stroke = Stroke::kDashedReference, .points = {}};
  for (const double r : ranks) ideal.points.push_back({.x = r, .y = r});
  chart.series.push_back(ideal);
  chart.x_tics.assign(ranks.begin(), ranks.end());
  page.Figure(absl::StrCat(name, ", with 95 % intervals over the fewest ranks."),
              DrawLineChart(chart));
  page.Table(table);
}

}  // namespace

std::vector<ScalingSeries> FindScaling(const SweepTable& table) {
  const auto axis = std::ranges::find(table.axes, kRanksAxis, &AxisValues::name);
  if (axis == table.axes.end()) return {};
  const auto index = static_cast<size_t>(axis - table.axes.begin());
  std::vector<std::string> order;
  std::map<std::string, std::vector<const MeasuredPoint*>> groups;
  for (const MeasuredPoint* point : table.Counting()) {
    if (RanksOf(*point) < 1 || RatesOf(*point, kWholeRate).empty()) continue;
    const std::string settings = SettingsWithout(table, *point, index);
    if (groups[settings].empty()) order.push_back(settings);
    groups[settings].push_back(point);
  }
  std::vector<ScalingSeries> all;
  for (const std::string& settings : order) {
    std::vector<const MeasuredPoint*>& points = groups[settings];
    KeepOneOfEachRanks(index, points);
    ScalingSeries series = SeriesOf(settings, points);
    if (series.steps.size() > 1) all.push_back(std::move(series));
  }
  return all;
}

void AddScaling(HtmlPage& page, const SweepTable& table) {
  const std::vector<ScalingSeries> all = FindScaling(table);
  if (all.empty()) return;
  page.Heading("Scaling");
  AddKind(page, all, ScalingKind::kStrong, "Strong scaling, the same tokens on all ranks");
  AddKind(page, all, ScalingKind::kWeak, "Weak scaling, tokens in proportion to the ranks");
  AddKind(page, all, ScalingKind::kNeither, "Ranks with different loads, neither strong nor weak");
}

}  // namespace octet
