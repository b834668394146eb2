// Requests that the caller ends before their time.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/engine_fixture.h"
#include "tests/support/local_ranks.h"
#include "tests/support/scheduler_steps.h"

namespace octet {
namespace {

using scheduler_steps::Admitted;
using scheduler_steps::Chunks;
using scheduler_steps::Limits;
using scheduler_steps::Request;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(CancelTest, ARunningSequenceEndsAndItsRoomIsFree) {
  Scheduler scheduler(Limits{.max_num_seqs = 1, .pages_per_rank = 20});
  scheduler.Add(Request(3, 40, 100));
  scheduler.Add(Request(4, 5, 10));
  scheduler.NextStep();
  const int64_t free_pages = scheduler.num_free_pages(0);
  scheduler.Cancel(3);
  const std::span<RankStep> steps = scheduler.NextStep();
  EXPECT_THAT(steps[0].cancel(), ElementsAre(3));
  EXPECT_THAT(Admitted(steps[0]), ElementsAre(4));
  EXPECT_THAT(Chunks(steps[0]), ElementsAre(Pair(4, 5)));
  EXPECT_GT(scheduler.num_free_pages(0), free_pages);
  StepResult result;
  result.add_finished()->set_id(3);
  result.mutable_finished(0)->set_finish_reason(CANCELLED);
  scheduler.Finish(result);
  scheduler_steps::Finish(scheduler, {4});
  EXPECT_TRUE(scheduler.idle());
}

TEST(CancelTest, OneThatWaitsEndsOnceItHasBegun) {
  Scheduler scheduler(Limits{});
  scheduler.Add(Request(0, 5, 10));
  scheduler.Cancel(0);
  EXPECT_THAT(scheduler.NextStep()[0].cancel(), IsEmpty());
  EXPECT_THAT(scheduler.NextStep()[0].cancel(), ElementsAre(0));
  EXPECT_TRUE(scheduler.idle());
}

TEST(CancelTest, OneThatHasFinishedOrIsNotKnownIsLeftAlone) {
  Scheduler scheduler(Limits{});
  scheduler.Add(Request(0, 5, 1));
  scheduler.NextStep();
  scheduler_steps::Finish(scheduler, {0});
  scheduler.Cancel(0);
  scheduler.Cancel(7);
  for (int i = 0; i < 2; ++i) EXPECT_THAT(scheduler.NextStep()[0].cancel(), IsEmpty());
}

TEST(CancelTest, APreemptedSequenceEndsAndDoesNotComeBack) {
  Scheduler scheduler(Limits{.pages_per_rank = 4});
  const int half = 2 * static_cast<int>(kKvBlock);  // of the pages
  scheduler.Add(Request(0, half - 1, half));
  scheduler.Add(Request(1, half - 1, half));
  bool preempted = false;
  for (int i = 0; i < 10 && !preempted; ++i) {
    preempted = scheduler.NextStep()[0].preempt_size() > 0;
  }
  ASSERT_TRUE(preempted);
  scheduler.Cancel(1);
  EXPECT_THAT(scheduler.NextStep()[0].cancel(), ElementsAre(1));
  scheduler_steps::Finish(scheduler, {0});
  EXPECT_TRUE(scheduler.idle());
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), IsEmpty());
}

class CancelledAnswerTest : public engine_runs::EngineFixture {};

// The tokens of a cancelled answer are the first of the whole one, on any rank, and each was told
// when it was sampled.
TEST_F(CancelledAnswerTest, HasItsTokensSoFar) {
  constexpr int kAnswer = 20;
  constexpr size_t kKept = 7;
  const NewSequence request = GreedyRequest(5, engine_runs::PromptIds(20, 3), kAnswer);
  const auto whole = Run(kPlain, DType::kF32, {request}).front();
  for (const int ranks : {1, 3}) {
    std::vector<int32_t> told;
    const auto cancel_in_time = [&told](Engine& engine, int step) {
      if (step > 0) return;
      engine.SetOnToken([&told, &engine](const SampledToken& sampled) {
        EXPECT_EQ(sampled.id(), 5);
        told.push_back(sampled.token());
        if (told.size() == kKept) engine.Cancel(5);
      });
    };
    const RankModelOptions options = {
        .dtype = DType::kF32, .max_tokens = engine_runs::kMaxTokens, .before_step = cancel_in_time};
    const SchedulerLimits limits = {.pages = {engine_runs::kPages}, .prefix_cache = true};
    const auto finished = RunEngine(ranks, model_, options, limits, {request});
    ASSERT_EQ(finished.size(), 1U);
    EXPECT_EQ(finished[0].finish_reason(), CANCELLED);
    EXPECT_EQ(told, std::vector(whole.token_ids().begin(), whole.token_ids().begin() + kKept));
    EXPECT_EQ(told, std::vector(finished[0].token_ids().begin(), finished[0].token_ids().end()));
  }
}

}  // namespace
}  // namespace octet
