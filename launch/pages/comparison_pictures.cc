#include "launch/pages/comparison_pictures.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "launch/console/text_table.h"
#include "launch/pages/dot_chart.h"
#include "launch/pages/page_numbers.h"

namespace octet {
namespace {

constexpr size_t kMostRowsDrawn = 40;
constexpr size_t kMostRowsListed = 2000;

// Returns those that a picture has room for: pairs with the axis's first value come first.
std::vector<Comparison> ChooseDrawn(std::vector<Comparison> comparisons) {
  if (comparisons.size() <= kMostRowsDrawn) return comparisons;
  std::stable_partition(comparisons.begin(), comparisons.end(),
                        [](const Comparison& c) { return c.with_first_value; });
  comparisons.resize(kMostRowsDrawn);
  return comparisons;
}

DotChart ChartOf(const std::vector<Comparison>& comparisons, const SweepRate& rate) {
  DotChart chart = {
      .x_label = absl::StrCat("ratio of ", rate.name),
      .rows = {},
      .series = {{.name = "the 95 % interval leaves out 1", .dots = {}},
                 {.name = "no difference seen, or one pair", .filled = false, .dots = {}}},
      .references = {{"equal", 1}}};
  for (const Comparison& c : comparisons) {
    chart.rows.push_back(c.name);
    const Dot dot = {.value = c.ratio.ratio, .low = c.ratio.low, .high = c.ratio.high};
    chart.series[0].dots.push_back(c.ratio.Separates() ? dot : Dot());
    chart.series[1].dots.push_back(c.ratio.Separates() ? Dot() : dot);
  }
  return chart;
}

void AddAxis(HtmlPage& page, const SweepTable& table, size_t axis, const SweepRate& rate) {
  const std::vector<Comparison> comparisons = CompareValues(table, axis, rate);
  if (comparisons.empty()) return;
  const std::vector<Comparison> drawn = ChooseDrawn(comparisons);
  page.Figure(
      absl::StrCat("Values of ", table.axes[axis].name, " against each other, by ", rate.name,
                   drawn.size() < comparisons.size()
                       ? absl::StrCat("; ", drawn.size(), " of ", comparisons.size(), " pairs")
                       : "",
                   "."),
      DrawDotChart(ChartOf(drawn, rate)));
  HtmlTable rows = {.caption = absl::StrCat("Ratios of ", rate.name, ", with 95 % intervals"),
                    .head = {"second / first", "ratio", "pairs of runs", "ratio of medians", ""},
                    .rows = {}};
  for (const Comparison& c : comparisons) {
    if (rows.rows.size() == kMostRowsListed) break;
    rows.rows.push_back({c.name, IntervalOf(c.ratio), absl::StrCat(c.ratio.pairs),
                         NumeralOf(Median(RatesOf(*c.b, rate)) / Median(RatesOf(*c.a, rate))),
                         VerdictOf(c.ratio)});
  }
  page.Table(rows);
  const auto decided =
      std::ranges::count_if(comparisons, [](const Comparison& c) { return c.ratio.Separates(); });
  page.Paragraph(
      absl::StrCat(decided, " of ", Counted(static_cast<int64_t>(comparisons.size()), "pair"),
                   " leave out 1. Where nothing differs, one in twenty does so by chance.",
                   comparisons.size() > kMostRowsListed
                       ? absl::StrCat(" The table has the first ", kMostRowsListed, ".")
                       : ""));
}

}  // namespace

std::string VerdictOf(const RatioEstimate& ratio) {
  if (!ratio.has_interval()) return kOnePair;
  if (!ratio.Separates()) return kNoDifference;
  return ratio.ratio > 1 ? kFaster : kSlower;
}

void AddComparisons(HtmlPage& page, const SweepTable& table) {
  page.Heading("One value against another");
  page.Paragraph(
      "A ratio is the geometric mean over pairs of runs of the same repetition, with Student's t "
      "interval of the logarithms: runs are interleaved, so what drifts hits both of a pair alike. "
      "An interval is of one comparison, and not widened for their number.");
  for (size_t axis = 0; axis < table.axes.size(); ++axis) {
    AddAxis(page, table, axis, kPrefillRate);
    AddAxis(page, table, axis, kDecodeRate);
  }
}

}  // namespace octet
