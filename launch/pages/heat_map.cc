#include "launch/pages/heat_map.h"

#include <absl/strings/str_format.h>

#include <algorithm>

#include "kernels/base/check.h"

namespace octet {
namespace {

constexpr size_t kMostColumnsWithNumbers = 16;
constexpr int kMargins = 150;  // pixels around the cells

int TicStep(size_t n) { return n <= 32 ? 1 : n <= 128 ? 8 : 64; }

int CellPixels(size_t n, int pixels) {
  return std::clamp(static_cast<int>(n) * pixels, 180, n > 64 ? 1000 : 760);
}

}  // namespace

Picture DrawHeatMap(const HeatMap& map) {
  const size_t rows = map.values.size();
  const size_t columns = map.values.front().size();
  OCTET_CHECK(rows * columns > 0 && rows * columns <= kMostCells);
  std::vector<std::vector<double>> cells;
  double most = 0;
  for (size_t r = 0; r < rows; ++r) {
    OCTET_CHECK_EQ(map.values[r].size(), columns);
    for (size_t c = 0; c < columns; ++c) {
      cells.push_back({static_cast<double>(c), static_cast<double>(r), map.values[r][c]});
      most = std::max(most, map.values[r][c]);
    }
  }
  const double top = most > 0 ? most : 1;
  Picture picture = {.width = CellPixels(columns, 48) + kMargins,
                     .height = CellPixels(rows, 20) + kMargins / 2,
                     .script = DataBlock("$cells", cells)};
  absl::StrAppendFormat(
      &picture.script,
      "set xrange [-0.5:%d-0.5]\nset yrange [%d-0.5:-0.5]\nset cbrange [0:%s]\n"
      "set xtics %d scale 0\nset ytics %d scale 0\nset xlabel %s\nset ylabel %s\nset cblabel %s\n"
      "set palette defined (0 '#ffffff', 0.5 '#7fa9d4', 1 '#0b2d52')\nunset key\n"
      "plot $cells using 1:2:($1-0.5):($1+0.5):($2-0.5):($2+0.5):3 "
      "with boxxyerror fillstyle solid noborder linecolor palette",
      columns, rows, PlotNumber(top), TicStep(columns), TicStep(rows), PlotText(map.x_label),
      PlotText(map.y_label), PlotText(map.value_label));
  if (columns <= kMostColumnsWithNumbers && rows <= 64) {
    const std::string text = absl::StrFormat("sprintf('%%.%df', $3)", map.decimals);
    const std::string dark = PlotNumber(0.55 * top);
    absl::StrAppendFormat(&picture.script,
                          ", $cells using 1:2:($3 <= %s ? %s : '') with labels textcolor rgb "
                          "'#000000', $cells using 1:2:($3 > %s ? %s : '') with labels textcolor "
                          "rgb '#ffffff'",
                          dark, text, dark, text);
  }
  picture.script += "\n";
  return picture;
}

}  // namespace octet
