#include "launch/pages/stacked_bars.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <numeric>

namespace octet {
namespace {

std::string FillOf(StackedBars::Kind kind, size_t i) {
  switch (kind) {
    case StackedBars::Kind::kWork:
      return absl::StrCat("fillcolor ", PlotColour(i), " fillstyle solid ",
                          i % 2 == 0 ? "0.35" : "0.7", " border linecolor rgb '#555555'");
    case StackedBars::Kind::kLate:
      return "fillcolor rgb '#d00000' fillstyle pattern 1 border linecolor rgb '#d00000'";
    case StackedBars::Kind::kExposed:
      return absl::StrCat("fillcolor rgb '#333333' fillstyle pattern ", 4 + i % 4,
                          " border linecolor rgb '#333333'");
  }
  return "";
}

// Returns the greatest sum of a bar.
double LongestBar(const StackedBars& bars) {
  double longest = 0;
  for (const StackedBars::Bar& bar : bars.bars) {
    longest = std::max(longest, std::accumulate(bar.values.begin(), bar.values.end(), 0.0));
  }
  return longest > 0 ? longest : 1;
}

}  // namespace

Picture DrawStackedBars(const StackedBars& bars) {
  constexpr double kHalf = 0.36;  // of a bar's breadth
  const double longest = LongestBar(bars);
  std::vector<double> ends(bars.bars.size(), 0);
  std::string data;
  std::vector<std::string> plots, numbers;
  for (size_t p = 0; p < bars.parts.size(); ++p) {
    std::vector<std::vector<double>> rows;
    for (size_t b = 0; b < bars.bars.size(); ++b) {
      const double begin = ends[b];
      ends[b] += bars.bars[b].values[p];
      rows.push_back({(begin + ends[b]) / 2, static_cast<double>(b), begin, ends[b]});
    }
    const std::string block = absl::StrCat("$p", p);
    data += DataBlock(block, rows);
    plots.push_back(absl::StrFormat("%s using 1:2:3:4:($2-%g):($2+%g) with boxxyerror %s title %s",
                                    block, kHalf, kHalf, FillOf(bars.parts[p].kind, p),
                                    PlotText(absl::StrCat(p + 1, " ", bars.parts[p].name))));
    numbers.push_back(absl::StrFormat(
        "%s using 1:2:($4-$3 > %s ? '%d' : '') with labels textcolor rgb '#000000' notitle", block,
        PlotNumber(0.03 * longest), p + 1));
  }
  std::vector<std::string> names;
  for (const StackedBars::Bar& bar : bars.bars) names.push_back(bar.name);
  const auto height = static_cast<int>(std::min<size_t>(26 * names.size(), 1600));
  return {.width = 860,
          .height = 130 + height + 9 * static_cast<int>(bars.parts.size()),
          .script = absl::StrCat(
              data, NamedTics("y", names), "set xrange [0:", PlotNumber(1.01 * longest),
              "]\nset yrange [", names.size(), "-0.4:-0.6]\nset xlabel ", PlotText(bars.x_label),
              "\nset key outside right top vertical Left reverse samplen 2\n", "plot ",
              absl::StrJoin(plots, ", "), ", ", absl::StrJoin(numbers, ", "), "\n")};
}

}  // namespace octet
