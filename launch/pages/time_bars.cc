#include "launch/pages/time_bars.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <numeric>
#include <set>

#include "launch/pages/page_numbers.h"
#include "launch/pages/stacked_bars.h"

namespace octet {
namespace {

constexpr size_t kMostBars = 60;  // of a picture

StackedBars::Kind KindOfTime(const std::string& name) {
  static const std::set<std::string> kTransfers = {"control", "routing", "dispatch", "combine"};
  if (name == "late ranks") return StackedBars::Kind::kLate;
  return absl::StartsWith(name, "exposed ") || kTransfers.contains(name)
             ? StackedBars::Kind::kExposed
             : StackedBars::Kind::kWork;
}

double SecondsOf(const PhaseTimes& times, const std::string& phase) {
  double seconds = 0;
  for (const auto& [name, value] : times.seconds) seconds += name == phase ? value : 0;
  return seconds;
}

// Returns the phases that take time anywhere, work first.
std::vector<StackedBars::Part> PartsOf(const std::vector<PhaseTimes>& times) {
  std::vector<StackedBars::Part> parts;
  for (const PhaseTimes& bar : times) {
    for (const auto& [name, value] : bar.seconds) {
      const bool is_known = std::ranges::find(parts, name, &StackedBars::Part::name) != parts.end();
      if (value > 0 && !is_known) parts.push_back({name, KindOfTime(name)});
    }
  }
  std::ranges::stable_sort(parts, {}, &StackedBars::Part::kind);
  return parts;
}

// Returns a row for each phase of a single bar, else a row for each bar.
HtmlTable TableOf(const StackedBars& bars) {
  const auto sum_of = [](const StackedBars::Bar& bar) {
    return std::accumulate(bar.values.begin(), bar.values.end(), 0.0);
  };
  HtmlTable table;
  if (bars.bars.size() == 1) {
    const double sum = sum_of(bars.bars[0]);
    table.head = {"phase", "seconds", "share"};
    for (size_t p = 0; p < bars.parts.size(); ++p) {
      const double value = bars.bars[0].values[p];
      table.rows.push_back(
          {bars.parts[p].name, NumeralOf(value), PercentOf(sum > 0 ? value / sum : 0)});
    }
    table.rows.push_back({"sum", NumeralOf(sum), ""});
    return table;
  }
  table.head = {""};
  for (const StackedBars::Part& part : bars.parts) table.head.push_back(part.name);
  table.head.emplace_back("sum");
  for (const StackedBars::Bar& bar : bars.bars) {
    std::vector<std::string>& row = table.rows.emplace_back();
    row.push_back(bar.name);
    for (const double value : bar.values) row.push_back(NumeralOf(value));
    row.push_back(NumeralOf(sum_of(bar)));
  }
  return table;
}

}  // namespace

void AddTimeBars(HtmlPage& page, const std::string& what, const std::vector<PhaseTimes>& times) {
  StackedBars bars = {.x_label = "seconds", .parts = PartsOf(times), .bars = {}};
  if (bars.parts.empty()) return;
  for (const PhaseTimes& t : times) {
    std::vector<double>& values = bars.bars.emplace_back(StackedBars::Bar{t.name, {}}).values;
    for (const StackedBars::Part& part : bars.parts) values.push_back(SecondsOf(t, part.name));
  }
  const size_t num_bars = bars.bars.size();
  HtmlTable table = TableOf(bars);
  table.caption = absl::StrCat(what, num_bars == 1 ? "" : ", in seconds");
  const bool is_cut = num_bars > kMostBars;
  if (is_cut) bars.bars.resize(kMostBars);
  page.Figure(
      absl::StrCat(what, is_cut ? absl::StrCat(", the first ", kMostBars, " of ", num_bars) : "",
                   ". Solid: work. Crossed in red: the wait for ranks that come late (skew). "
                   "Hatched: transfer that no work hides."),
      DrawStackedBars(bars));
  page.Table(table);
}

}  // namespace octet
