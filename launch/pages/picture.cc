#include "launch/pages/picture.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_replace.h>

#include <array>
#include <cmath>

#include "launch/console/one_line.h"
#include "runtime/io/utf8.h"

namespace octet {
namespace {

constexpr size_t kMostLetters = 60;

// Cuts the middle out of a long text, because names often differ at their ends.
std::string FitLabel(const std::string& text) {
  if (text.size() <= kMostLetters) return text;
  const size_t head = BeginOfChar(text, kMostLetters / 2);
  const size_t tail = BeginOfChar(text, text.size() - kMostLetters / 2);
  return absl::StrCat(text.substr(0, head), "…", text.substr(tail));
}

}  // namespace

std::string PlotText(std::string_view text) {
  // Another apostrophe: gnuplot 5.4 takes a doubled one at the beginning of a text for its end.
  return absl::StrCat("'", absl::StrReplaceAll(FitLabel(OneLine(text)), {{"'", "’"}}), "'");
}

std::string TicText(std::string_view text) {
  return absl::StrReplaceAll(PlotText(text), {{"%", "%%"}});
}

std::string NamedTics(const std::string& axis, const std::vector<std::string>& names) {
  std::vector<std::string> tics;
  tics.reserve(names.size());
  for (const std::string& name : names) {
    tics.push_back(absl::StrCat(TicText(name), " ", tics.size()));
  }
  return absl::StrCat("set ", axis, "tics (", absl::StrJoin(tics, ", "), ") scale 0\n");
}

std::string PlotNumber(double value) {
  return std::isfinite(value) ? absl::StrFormat("%.7g", value) : "NaN";
}

std::string DataBlock(const std::string& name, const std::vector<std::vector<double>>& rows) {
  std::string block = absl::StrCat(name, " << EOD\n");
  for (const std::vector<double>& row : rows) {
    absl::StrAppend(
        &block, absl::StrJoin(row, " ", [](std::string* out, double v) { *out += PlotNumber(v); }),
        "\n");
  }
  return absl::StrCat(block, "EOD\n");
}

std::string PlotColour(size_t i) {
  constexpr std::array kColours = {"#0072b2", "#d55e00", "#009e73", "#cc79a7",
                                   "#56b4e9", "#e69f00", "#000000", "#999999"};
  return absl::StrCat("rgb '", kColours[i % kColours.size()], "'");
}

}  // namespace octet
