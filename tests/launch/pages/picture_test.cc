#include "launch/pages/picture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "launch/pages/dot_chart.h"
#include "launch/pages/gnuplot.h"
#include "launch/pages/heat_map.h"
#include "launch/pages/line_chart.h"
#include "launch/pages/stacked_bars.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string Svg(const Picture& picture, const std::string& name = "fig7") {
  const absl::StatusOr<std::string> svg = DrawByGnuplot(name, picture);
  EXPECT_TRUE(svg.ok()) << svg.status();
  return svg.ok() ? *svg : "";
}

LineChart SmallChart() {
  return {.x_label = "x",
          .y_label = "y",
          .series = {{"s", Stroke::kMarkedLine, {{.x = 1, .y = 1}, {.x = 2, .y = 4}}}}};
}

TEST(PictureTest, TextsAreLiteralsOfOneLine) {
  EXPECT_EQ(PlotText("it's"), "'it’s'");
  EXPECT_EQ(PlotText("a\nb\tc"), R"('a\nb\tc')");
  EXPECT_EQ(PlotText(R"(@m `id` {x}_1^2 \")"), R"('@m `id` {x}_1^2 \"')");
  EXPECT_EQ(TicText("50 %d"), "'50 %%d'");
  EXPECT_EQ(NamedTics("y", {"a", "b"}), "set ytics ('a' 0, 'b' 1) scale 0\n");
  EXPECT_EQ(PlotNumber(NAN), "NaN");
  const std::string longest = PlotText(std::string(1000, 'n') + "end");
  EXPECT_LT(longest.size(), 80U);
  EXPECT_THAT(longest, HasSubstr("end'"));
}

// Whatever a name is, it comes out as the text that it is, and gnuplot runs nothing of it.
TEST(PictureTest, HostileNamesAreDrawnAsTheyAre) {
  const std::string made = TestDirectory() + "/made";
  const std::string hostile =
      "'; system 'touch " + made + "'\n`touch " + made + "` @x %d <script>&{a}_b^c\\\"";
  const auto names = {hostile, std::string("EOD"), std::string("$p0 << EOD"), std::string("%s%n")};
  StackedBars bars = {.x_label = hostile, .parts = {{hostile}, {"late ranks"}}, .bars = {}};
  DotChart dots = {
      .x_label = hostile, .rows = {}, .series = {{.name = hostile}}, .references = {{hostile, 1}}};
  for (const std::string& name : names) {
    bars.bars.push_back({name, {1, 2}});
    dots.rows.push_back(name);
    dots.series[0].dots.push_back({.value = 1});
  }
  LineChart lines = SmallChart();
  lines.x_label = lines.series[0].name = hostile;
  const HeatMap map = {
      .x_label = hostile, .y_label = hostile, .value_label = hostile, .values = {{1, 2}}};
  for (const Picture& picture :
       {DrawStackedBars(bars), DrawDotChart(dots), DrawLineChart(lines), DrawHeatMap(map)}) {
    const std::string svg = Svg(picture);
    EXPECT_THAT(svg, AllOf(HasSubstr("&lt;script"), HasSubstr("`"), Not(HasSubstr("<script"))));
  }
  EXPECT_THAT(Svg(DrawDotChart(dots)), AllOf(HasSubstr(">EOD<"), HasSubstr(">%s%n<")));
  EXPECT_FALSE(std::filesystem::exists(made));
}

TEST(PictureTest, TheSamePictureIsTheSameBytesUnderNamesOfItsOwn) {
  const Picture picture = DrawLineChart(SmallChart());
  EXPECT_EQ(Svg(picture), Svg(picture));
  const std::string svg = Svg(picture, "fig12");
  EXPECT_THAT(svg, AllOf(testing::StartsWith("<svg"), HasSubstr("id='fig12-gpPt7'"),
                         HasSubstr("'#fig12-gpPt7'"), Not(HasSubstr("'gpPt")),
                         Not(HasSubstr("'#gp")), Not(HasSubstr("<title"))));
}

TEST(PictureTest, AHeatMapHasItsNumbersInItsCells) {
  const std::string svg = Svg(DrawHeatMap({.x_label = "expert",
                                           .y_label = "layer",
                                           .value_label = "%",
                                           .values = {{12.34, 0}, {5, 99.9}}}));
  EXPECT_THAT(svg, AllOf(HasSubstr(">12.3<"), HasSubstr(">99.9<"), HasSubstr(">expert<"),
                         HasSubstr(">layer<")));
  HeatMap wide = {.x_label = "expert",
                  .y_label = "layer",
                  .value_label = "%",
                  .values = {std::vector<double>(256, 0.5)}};
  EXPECT_THAT(Svg(DrawHeatMap(wide)), Not(HasSubstr(">0.5<")));
  wide.values = {{0, 0}};
  EXPECT_THAT(Svg(DrawHeatMap(wide)), HasSubstr(">0.0<"));
}

// Patterns tell the wait for late ranks from transfer, and numbers tell parts apart without colour.
TEST(PictureTest, BarsTellWaitingFromTransfer) {
  const StackedBars bars = {.x_label = "seconds",
                            .parts = {{"experts", StackedBars::Kind::kWork},
                                      {"late ranks", StackedBars::Kind::kLate},
                                      {"exposed dispatch", StackedBars::Kind::kExposed}},
                            .bars = {{"rank 0", {3, 2, 1}}, {"rank 1", {1, 0, 0}}}};
  EXPECT_THAT(DrawStackedBars(bars).script,
              AllOf(HasSubstr("fillstyle pattern 1 "), HasSubstr("fillstyle pattern 6 "),
                    HasSubstr("$p1 << EOD\n4 0 3 5\n1 1 1 1\n")));
  EXPECT_THAT(Svg(DrawStackedBars(bars)),
              AllOf(HasSubstr(">1 experts<"), HasSubstr(">2 late ranks<"),
                    HasSubstr(">3 exposed dispatch<"), HasSubstr(">2<")));
}

TEST(PictureTest, WhatGnuplotCantDrawIsAnError) {
  const absl::StatusOr<std::string> svg = DrawByGnuplot("fig1", {.script = "plot nothing\n"});
  EXPECT_TRUE(absl::IsInternal(svg.status()));
  EXPECT_THAT(std::string(svg.status().message()), HasSubstr("gnuplot: failed: "));
  EXPECT_FALSE(DrawByGnuplot("fig1", {.script = ""}).ok());
}

}  // namespace
}  // namespace octet
