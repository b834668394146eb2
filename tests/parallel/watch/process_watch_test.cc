#include "parallel/watch/process_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "parallel/watch/sibling_processes.h"

namespace octet {
namespace {

using namespace std::chrono_literals;

constexpr auto kStuckAfter = 100ms;
constexpr auto kLongEnough = 8s;  // for the process to be ended

// Each case in a process of its own, which ends with exit code 1.
class ProcessWatchDeathTest : public testing::Test {
 protected:
  ProcessWatchDeathTest() { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

TEST_F(ProcessWatchDeathTest, ARankThatIsStuckSaysWhereAndEnds) {
  const auto stuck = [] {
    ProcessWatch watch(3, "here", 60s);
    FlightRecorder recorder;
    recorder.Begin("combine", {"combine", 1}, 5);
    watch.SetRecorder(&recorder);
    watch.SetTimeout(kStuckAfter);
    const Activity::Scope place({"experts", 2});
    std::this_thread::sleep_for(kLongEnough);
  };
  EXPECT_EXIT(stuck(), testing::ExitedWithCode(1),
              "octet: rank 3 on here has made no progress for 2.[0-9] s in experts of layer "
              "2\n.*combine: combine of layer 1, 5 B to others, not done");
}

TEST_F(ProcessWatchDeathTest, AStandstillIsToldBeforeItEndsTheProcess) {
  const auto stuck = [] {
    ProcessWatch watch(3, "here", 60s);
    watch.SetOnStandstill([] { std::fputs("stood still\n", stderr); });
    watch.SetTimeout(kStuckAfter);
    std::this_thread::sleep_for(kLongEnough);
  };
  EXPECT_EXIT(stuck(), testing::ExitedWithCode(1), "stood still\noctet: rank 3 on here has made");
}

TEST_F(ProcessWatchDeathTest, ACollectiveCallThatDoesNotReturnEnds) {
  const auto waits = [] {
    ProcessWatch watch(3, "here", kStuckAfter);
    const ProcessWatch::CollectiveCall call(watch, "MPI_Init");
    std::this_thread::sleep_for(kLongEnough);
  };
  EXPECT_EXIT(waits(), testing::ExitedWithCode(1),
              "octet: rank 3 on here waits for the others in MPI_Init; ends after 3");
}

TEST_F(ProcessWatchDeathTest, AnEndThatTakesTooLongIsCutShort) {
  const auto ends = [] {
    ProcessWatch watch(3, "here", 60s);
    watch.EndWithin(kStuckAfter);
    std::this_thread::sleep_for(kLongEnough);
  };
  EXPECT_EXIT(ends(), testing::ExitedWithCode(1), "");
}

TEST(ProcessWatchTest, ARankThatNeitherAdvancesNorWaitsStandsStill) {
  ProcessWatch watch(0, "here", 60s);
  Activity& activity = Activity::OfThisThread();
  const auto still_after = [&](std::chrono::milliseconds time) {
    activity.Advance();
    std::this_thread::sleep_for(time);
    return watch.StandsStill();
  };
  EXPECT_FALSE(still_after(800ms)) << "nobody waits for its work yet";
  watch.SetTimeout(1s);
  EXPECT_TRUE(still_after(1200ms));
  activity.Advance();
  EXPECT_FALSE(watch.StandsStill());
  activity.set_waiting(true);
  EXPECT_FALSE(still_after(1200ms));
  activity.set_waiting(false);
  watch.EndWithin(60s);
  EXPECT_FALSE(still_after(1200ms)) << "the job ends for another reason";
}

TEST(ProcessWatchTest, ARankThatAdvancesOrWaitsIsLeftAlone) {
  ProcessWatch watch(0, "here", 60s);
  watch.SetTimeout(1ms);
  Activity& activity = Activity::OfThisThread();
  const auto end = std::chrono::steady_clock::now() + 2500ms;
  while (std::chrono::steady_clock::now() < end) {
    activity.Advance();
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_GT(watch.cpu_seconds(), 0);
  EXPECT_LT(watch.cpu_seconds(), 0.025) << "a hundredth of the time";
}

TEST(SiblingProcessesTest, VariablesAreFound) {
  const std::string environment("AB=1\0B=\0PMIX_RANK=12\0C=x=y\0", 28);
  EXPECT_EQ(FindVariable(environment, "PMIX_RANK"), "12");
  EXPECT_EQ(FindVariable(environment, "B"), "");
  EXPECT_EQ(FindVariable(environment, "C"), "x=y");
  EXPECT_EQ(FindVariable(environment, "D"), "");
  EXPECT_EQ(FindVariable("", "D"), "");
}

}  // namespace
}  // namespace octet
