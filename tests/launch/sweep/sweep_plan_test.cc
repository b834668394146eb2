#include "launch/sweep/sweep_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "launch/console/shell_text.h"
#include "tests/support/octet_process.h"
#include "tests/support/sweep_fixture.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::ElementsAre;

TEST(SweepPlanTest, PointsAreTheProductOfTheAxes) {
  const SweepPlan plan = PlanSweep(SmallSweep());
  std::vector<std::string> names;
  std::vector<std::string> workloads;
  for (const SweepPoint& point : plan.points) {
    names.push_back(point.name);
    workloads.push_back(point.workload);
  }
  EXPECT_THAT(names, ElementsAre("ranks=1 load=router", "ranks=1 load=zipf", "ranks=2 load=router",
                                 "ranks=2 load=zipf"));
  EXPECT_THAT(workloads, ElementsAre("load=router", "load=zipf", "load=router", "load=zipf"));
  EXPECT_EQ(plan.points[3].settings[0].axis(), "ranks");
  EXPECT_EQ(plan.points[3].settings[0].value(), "2");
  EXPECT_EQ(plan.turns.size(), 8U);
}

TEST(SweepPlanTest, CommandsHaveTheWordsOfAllValues) {
  const SweepPlan plan = PlanSweep(SmallSweep());
  int order = 0;
  while (plan.turns[order].point != 3) ++order;
  EXPECT_THAT(CommandOf(plan, order, "out"),
              ElementsAre("start", "-n", "2", "bench", "throughput", "--model", "a model",
                          "--routing", "zipf:1", "--output-json", "out/" + ResultFileOf(order)));
}

TEST(SweepPlanTest, EachRepetitionIsAnotherOrderOfAllPoints) {
  constexpr int kPoints = 40;
  constexpr int kRepetitions = 5;
  const std::vector<SweepTurn> turns = OrderTurns(kPoints, kRepetitions, 7);
  ASSERT_EQ(turns.size(), static_cast<size_t>(kPoints * kRepetitions));
  std::set<std::vector<int>> orders;
  for (int r = 0; r < kRepetitions; ++r) {
    std::vector<int> points;
    for (int i = 0; i < kPoints; ++i) {
      EXPECT_EQ(turns[r * kPoints + i].repetition, r);
      points.push_back(turns[r * kPoints + i].point);
    }
    EXPECT_EQ(std::set(points.begin(), points.end()).size(), static_cast<size_t>(kPoints));
    orders.insert(points);
  }
  EXPECT_EQ(orders.size(), static_cast<size_t>(kRepetitions));
}

TEST(SweepPlanTest, TheSeedAloneDecidesTheOrder) {
  const auto points = [](int64_t seed) {
    std::vector<int> points;
    for (const SweepTurn& turn : OrderTurns(12, 2, seed)) points.push_back(turn.point);
    return points;
  };
  EXPECT_EQ(points(1), points(1));
  EXPECT_NE(points(1), points(2));
  // A sweep that was begun by an earlier build goes on in the same order.
  EXPECT_THAT(points(0), ElementsAre(11, 1, 0, 3, 6, 8, 4, 10, 2, 5, 9, 7, 3, 1, 2, 9, 4, 5, 7, 11,
                                     10, 8, 6, 0));
}

// Each place gets each point equally often: 600 +- 25 of 2400 times.
TEST(SweepPlanTest, AllOrdersAreEquallyLikely) {
  constexpr int kPoints = 4;
  constexpr int kTimes = 2400;
  std::vector<int> counts(kPoints * kPoints);
  const std::vector<SweepTurn> turns = OrderTurns(kPoints, kTimes, 3);
  for (size_t i = 0; i < turns.size(); ++i) ++counts[i % kPoints * kPoints + turns[i].point];
  for (const int count : counts) EXPECT_NEAR(count, kTimes / kPoints, 100);
}

TEST(SweepPlanTest, AShellTakesTheCommand) {
  const std::string script = TestDirectory() + "/script.sh";
  WriteFile(script, ShellText({"printf", "[%s]", "a b", "it's\\n", "$HOME", "", "*", "-n", "2"}));
  EXPECT_EQ(RunShell("sh " + script).output, "[a b][it's\\n][$HOME][][*][-n][2]");
  EXPECT_EQ(ShellText({"it's", "-n", "2"}), R"('it'\''s' -n 2)");
}

}  // namespace
}  // namespace octet
