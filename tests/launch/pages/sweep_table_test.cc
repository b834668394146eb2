#include "launch/pages/sweep_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/pages/comparison_pictures.h"
#include "launch/pages/scaling_pictures.h"
#include "launch/pages/sweep_section.h"
#include "tests/launch/pages/sweep_runs.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

// eplb is a tenth faster than contiguous, which varies from repetition to repetition; random does
// not differ from it.
SweepFiles SweepOfFour(int repetitions = 3) {
  SweepFiles files = {.path = "d/points.jsonl"};
  for (int r = 0; r < repetitions; ++r) {
    for (const int ranks : {2, 10, 1}) {
      const double rate = 100 * ranks * (1 + 0.2 * r);
      const double noise = r == 1 ? 1.02 : 0.99;
      files.runs.push_back(MakeSweepRun(ranks, "random", r, rate * noise));
      files.runs.push_back(MakeSweepRun(ranks, "eplb", r, 1.1 * rate * (1 + 0.001 * r)));
      files.runs.push_back(MakeSweepRun(ranks, "contiguous", r, rate));
    }
  }
  return files;
}

Sweep SweepText() {
  Sweep sweep;
  for (const char* name : {"ranks", "placement"}) sweep.add_axes()->set_name(name);
  for (const char* value : {"contiguous", "random", "eplb"}) {
    sweep.mutable_axes(1)->add_values()->set_name(value);
  }
  return sweep;
}

TEST(SweepTableTest, ValuesComeInTheOrderOfTheSweepElseBySize) {
  SweepFiles files = SweepOfFour();
  EXPECT_THAT(TabulateSweep(files).axes[0].values, ElementsAre("1", "2", "10"));
  EXPECT_THAT(TabulateSweep(files).axes[1].values, ElementsAre("contiguous", "eplb", "random"));
  files.sweep = SweepText();
  const SweepTable table = TabulateSweep(files);
  EXPECT_THAT(table.axes[1].values, ElementsAre("contiguous", "random", "eplb"));
  ASSERT_EQ(table.points.size(), 9U);
  EXPECT_EQ(table.points[0].name, "ranks=1 placement=contiguous");
  EXPECT_EQ(table.points[8].name, "ranks=10 placement=eplb");
  EXPECT_THAT(RatesOf(table.points[0], kPrefillRate), ElementsAre(100, 120, 140));
}

TEST(SweepTableTest, ARunThatWasRepeatedCountsWithItsResult) {
  SweepFiles files = SweepOfFour(1);
  SweepRun failed = files.runs[0];
  failed.set_failure("killed after 10 s");
  failed.set_exit_code(137);
  files.runs.insert(files.runs.begin(), failed);
  const SweepTable table = TabulateSweep(files);
  EXPECT_EQ(table.failed.size(), 1U);
  EXPECT_EQ(table.Counting().size(), 9U);
  files.runs.back() = failed;  // the same point: it stays with its result
  EXPECT_EQ(TabulateSweep(files).Counting().size(), 8U);
}

TEST(SweepTableTest, PointsWithOtherAnswersAreVoid) {
  SweepFiles files = SweepOfFour();
  files.runs[1].set_answers_hash(0xabcd);  // ranks=2 placement=eplb
  files.runs[5].set_answers_hash(0);       // not known
  const SweepTable table = TabulateSweep(files);
  EXPECT_EQ(table.Counting().size(), 8U);
  EXPECT_EQ(table.runs_without_hash, 1);
  ASSERT_EQ(AlarmsOfSweep(table).size(), 1U);
  EXPECT_THAT(AlarmsOfSweep(table)[0],
              AllOf(HasSubstr("1 of 26 runs gave other answers"),
                    HasSubstr("The most frequent hash, 0000000000000007, is taken as right"),
                    HasSubstr("left out of all comparisons: ranks=2 placement=eplb.")));
  for (const Comparison& c : CompareValues(table, 1, kPrefillRate)) {
    EXPECT_FALSE(c.a->is_void || c.b->is_void) << c.name;
  }
}

TEST(SweepTableTest, WhereNoHashIsTheMostFrequentNoneIsRight) {
  SweepFiles files = {.path = "d/points.jsonl",
                      .runs = {MakeSweepRun(1, "a", 0, 1), MakeSweepRun(2, "a", 0, 1)}};
  files.runs[1].set_answers_hash(8);
  const SweepTable table = TabulateSweep(files);
  EXPECT_TRUE(table.Counting().empty());
  EXPECT_THAT(AlarmsOfSweep(table)[0], AllOf(HasSubstr("2 of 2 runs"), HasSubstr("none is taken")));
  EXPECT_EQ(AnswerOfSweep(table).sentence, "No point of the sweep has a result that counts.");
}

TEST(SweepTableTest, AnAxisMayChangeAnswers) {
  SweepFiles files = SweepOfFour();
  files.sweep = SweepText();
  files.sweep->mutable_axes(0)->set_changes_answers(true);
  for (SweepRun& run : files.runs) run.set_answers_hash(run.ranks());
  EXPECT_TRUE(AlarmsOfSweep(TabulateSweep(files)).empty());
  files.runs[0].set_answers_hash(1);  // of ranks=2
  ASSERT_EQ(AlarmsOfSweep(TabulateSweep(files)).size(), 1U);
  EXPECT_THAT(AlarmsOfSweep(TabulateSweep(files))[0], HasSubstr("1 of 9 runs with ranks=2"));
}

TEST(SweepTableTest, ValuesOfAnAxisAreComparedWithAllElseEqual) {
  const SweepFiles files = SweepOfFour();
  const SweepTable table = TabulateSweep(files);
  const std::vector<Comparison> all = CompareValues(table, 1, kDecodeRate);
  ASSERT_EQ(all.size(), 9U);
  EXPECT_EQ(all[0].name, "placement eplb / contiguous, ranks=1");
  EXPECT_NEAR(all[0].ratio.ratio, 1.101, 1e-3);
  EXPECT_EQ(VerdictOf(all[0].ratio), kFaster);
  EXPECT_TRUE(all[0].with_first_value);
  EXPECT_EQ(all[1].name, "placement random / contiguous, ranks=1");
  EXPECT_EQ(VerdictOf(all[1].ratio), kNoDifference);
  EXPECT_EQ(VerdictOf(all[2].ratio), kSlower);  // random / eplb
  EXPECT_FALSE(all[2].with_first_value);
  const SweepFiles one = SweepOfFour(1);
  EXPECT_EQ(VerdictOf(CompareValues(TabulateSweep(one), 1, kDecodeRate)[0].ratio), kOnePair);
}

TEST(SweepTableTest, TheAnswerIsTheBestPointAgainstTheBaseline) {
  SweepFiles files = SweepOfFour();
  const SweepAnswer answer = AnswerOfSweep(TabulateSweep(files));
  EXPECT_TRUE(answer.is_decided);
  EXPECT_THAT(answer.sentence,
              AllOf(HasSubstr("Of 8 points beside the baseline the most clearly faster is ranks=10 "
                              "placement=eplb, with 11.011 [10.98"),
                    HasSubstr("x the tokens/s of the baseline ranks=1 placement=contiguous"),
                    HasSubstr("(95 % interval of 3 pairs).")));
  std::erase_if(files.runs, [](const SweepRun& run) {
    return run.ranks() != 1 || run.settings(1).value() == "eplb";
  });
  const SweepAnswer none = AnswerOfSweep(TabulateSweep(files));
  EXPECT_FALSE(none.is_decided);
  EXPECT_THAT(none.sentence,
              HasSubstr("No difference seen: of 1 point beside the baseline the fastest is"));
  EXPECT_THAT(EffectsOfSweep(TabulateSweep(files)),
              ElementsAre(HasSubstr("placement against contiguous, 1 comparison: 0 faster, 0 "
                                    "slower, 1 without a difference, 0 of one pair only; from ")));
}

// A ratio of 1.2 that is sure says more than one of 2 that is not; and where all are surely slower,
// none is faster.
TEST(SweepTableTest, TheAnswerIsTheSurestAndNotTheGreatest) {
  SweepFiles files = {.path = "d/points.jsonl"};
  for (int r = 0; r < 3; ++r) {
    files.runs.push_back(MakeSweepRun(1, "contiguous", r, 100));
    files.runs.push_back(MakeSweepRun(1, "sure", r, 120 + r));
    files.runs.push_back(MakeSweepRun(1, "vague", r, r == 1 ? 20 : 800));
  }
  EXPECT_THAT(AnswerOfSweep(TabulateSweep(files)).sentence,
              HasSubstr("the most clearly faster is ranks=1 placement=sure, with 1.210 ["));
  for (SweepRun& run : files.runs) {
    if (run.settings(1).value() != "contiguous") {
      run = MakeSweepRun(1, run.settings(1).value(), run.repetition(), 90 + run.repetition());
    }
  }
  const SweepAnswer slower = AnswerOfSweep(TabulateSweep(files));
  EXPECT_TRUE(slower.is_decided);
  EXPECT_THAT(slower.sentence, HasSubstr("None of 2 points beside the baseline is faster"));
}

TEST(SweepTableTest, ScalingIsStrongOrWeak) {
  SweepFiles files = SweepOfFour();
  std::vector<ScalingSeries> all = FindScaling(TabulateSweep(files));
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].settings, "placement=contiguous");
  EXPECT_EQ(all[0].kind, ScalingKind::kStrong);
  ASSERT_EQ(all[0].steps.size(), 3U);
  EXPECT_NEAR(all[0].steps[2].speedup.ratio, 10, 1e-9);
  EXPECT_NEAR(all[0].steps[2].efficiency, 1, 1e-9);
  for (SweepRun run : SweepOfFour().runs) {  // another way to have 2 ranks
    if (run.ranks() != 2) continue;
    run.mutable_settings(0)->set_value("2-apart");
    run.set_point("apart " + run.point());
    files.runs.insert(files.runs.begin(), run);
  }
  EXPECT_EQ(FindScaling(TabulateSweep(files))[0].steps.size(), 3U);
  for (SweepRun& run : files.runs) {
    run.mutable_prefill()->set_seconds(run.prefill().seconds() * run.ranks());
    run.mutable_decode()->set_seconds(run.decode().seconds() * run.ranks());
  }
  const SweepTable weak = TabulateSweep(files);
  EXPECT_EQ(FindScaling(weak)[1].kind, ScalingKind::kWeak);
  for (SweepRun& run : files.runs) {
    if (run.ranks() == 2) run.mutable_prefill()->set_seconds(9);
  }
  EXPECT_EQ(FindScaling(TabulateSweep(files))[0].kind, ScalingKind::kNeither);
}

}  // namespace
}  // namespace octet
