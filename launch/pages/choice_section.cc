#include "launch/pages/choice_section.h"

#include <absl/strings/str_cat.h>

#include <map>
#include <set>

#include "launch/pages/line_chart.h"
#include "launch/pages/page_numbers.h"
#include "launch/replay/comparison_report.h"

namespace octet {
namespace {

constexpr size_t kMostLines = 8;  // that can be told apart

HtmlTable TableOfChoices(const ReplayComparison& comparison) {
  HtmlTable table = {
      .caption = "Predicted choices",
      .head = {"cluster", "ranks", "hosts", "experts over", "tokens/s", "tokens/s of a rank",
               "exchange", "late ranks", "memory of a rank", "usable", "why not"},
      .rows = {}};
  for (const ReplayChoice& c : comparison.choices()) {
    std::vector<std::string> row = {c.cluster(), absl::StrCat(c.ranks()), absl::StrCat(c.hosts()),
                                    DescribeGroups(c)};
    if (!c.refusal().empty()) {
      row.insert(row.end(), {"-", "-", "-", "-", "-", "-", c.refusal()});
    } else {
      row.insert(row.end(), {NumeralOf(c.tokens_per_s()), NumeralOf(c.tokens_per_s_of_rank()),
                             PercentOf(c.exchange_share()), PercentOf(c.late_ranks_share()),
                             BytesText(c.rank_bytes()),
                             c.usable_bytes() > 0 ? BytesText(c.usable_bytes()) : "not known", ""});
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

// Returns a line for each cluster and kind of groups, from few ranks to many.
LineChart ChartOfChoices(const ReplayComparison& comparison) {
  std::map<std::string, std::map<int, double>> lines;
  std::set<std::string> clusters;
  std::set<double> ranks;
  for (const ReplayChoice& c : comparison.choices()) clusters.insert(c.cluster());
  for (const ReplayChoice& c : comparison.choices()) {
    if (!c.refusal().empty()) continue;
    const std::string where = clusters.size() > 1 ? absl::StrCat(c.cluster(), ", ") : "";
    lines[where + DescribeGroups(c)][c.ranks()] = c.tokens_per_s();
    ranks.insert(c.ranks());
  }
  LineChart chart = {
      .x_label = "ranks", .y_label = "predicted tokens/s", .log_scales = true, .series = {}};
  chart.x_tics.assign(ranks.begin(), ranks.end());
  for (const auto& [name, points] : lines) {
    ChartSeries series = {.name = name, .stroke = Stroke::kMarkedLine, .points = {}};
    for (const auto& [x, y] : points)
      series.points.push_back({.x = static_cast<double>(x), .y = y});
    chart.series.push_back(std::move(series));
  }
  return chart;
}

}  // namespace

void AddChoiceSection(HtmlPage& page, const FromFile<ReplayComparison>& comparison) {
  page.Section("Clusters, ranks and groups", comparison.path);
  page.Paragraph(comparison.message.answer());
  for (const std::string& note : comparison.message.notes()) {
    page.Paragraph(absl::StrCat("Note: ", note));
  }
  const LineChart chart = ChartOfChoices(comparison.message);
  if (chart.x_tics.size() > 1 && chart.series.size() <= kMostLines) {
    page.Figure("Predicted tokens/s of prompts and answers, by ranks and groups.",
                DrawLineChart(chart));
  }
  page.Table(TableOfChoices(comparison.message));
}

}  // namespace octet
