#include "runtime/engine/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "runtime/model/kv_cache.h"
#include "tests/support/scheduler_steps.h"

namespace octet::scheduler_steps {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(SchedulerTest, TheWholePromptThenOneTokenAStep) {
  Scheduler scheduler(Limits{});
  EXPECT_TRUE(scheduler.idle());
  scheduler.Add(Request(7, 5, 3));
  EXPECT_FALSE(scheduler.idle());
  EXPECT_EQ(scheduler.num_waiting(), 1);

  auto steps = scheduler.NextStep();
  EXPECT_EQ(scheduler.num_waiting(), 0);
  ASSERT_EQ(steps.size(), 1U);
  ASSERT_EQ(steps[0].admit_size(), 1);
  EXPECT_EQ(steps[0].admit(0).SerializeAsString(), Request(7, 5, 3).SerializeAsString());
  EXPECT_THAT(Chunks(steps[0]), ElementsAre(Pair(7, 5)));
  EXPECT_FALSE(steps[0].stop());
  EXPECT_EQ(scheduler.step_counts().prompt_tokens, 5);
  EXPECT_EQ(scheduler.step_counts().sampled_tokens, 1);

  for (int i = 0; i < 2; ++i) {
    steps = scheduler.NextStep();
    EXPECT_THAT(Admitted(steps[0]), IsEmpty());
    EXPECT_THAT(Chunks(steps[0]), ElementsAre(Pair(7, 1)));
    EXPECT_EQ(scheduler.step_counts().prompt_tokens, 0);
    EXPECT_EQ(scheduler.step_counts().sampled_tokens, 1);
  }
  EXPECT_FALSE(scheduler.idle());
  Finish(scheduler, {7});
  EXPECT_TRUE(scheduler.idle());
}

TEST(SchedulerTest, IdleStepsAreEmpty) {
  Scheduler scheduler(Limits{.num_ranks = 3});
  for (int i = 0; i < 2; ++i) {
    const auto steps = scheduler.NextStep();
    ASSERT_EQ(steps.size(), 3U);
    for (const RankStep& step : steps) EXPECT_EQ(step.ByteSizeLong(), 0U);
    EXPECT_EQ(scheduler.step_counts().prompt_tokens, 0);
    EXPECT_EQ(scheduler.step_counts().sampled_tokens, 0);
  }
}

TEST(SchedulerTest, LongPromptsAreCutInChunks) {
  Scheduler scheduler(Limits{.max_num_batched_tokens = 10});
  scheduler.Add(Request(0, 25, 4));
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 10)));
  EXPECT_EQ(scheduler.step_counts().sampled_tokens, 0);
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 10)));
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 5)));
  EXPECT_EQ(scheduler.step_counts().prompt_tokens, 5);
  EXPECT_EQ(scheduler.step_counts().sampled_tokens, 1);
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 1)));
}

// The newcomer's prompt fills what the others leave, and they go on.
TEST(SchedulerTest, ALongPromptDelaysNobody) {
  Scheduler scheduler(Limits{.max_num_batched_tokens = 8});
  scheduler.Add(Request(0, 3, 100));
  scheduler.Add(Request(1, 2, 100));
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 3), Pair(1, 2)));
  scheduler.Add(Request(2, 20, 100));
  for (const int rest : {6, 6, 6, 2}) {
    EXPECT_THAT(Chunks(scheduler.NextStep()[0]),
                ElementsAre(Pair(0, 1), Pair(1, 1), Pair(2, rest)));
    EXPECT_EQ(scheduler.step_counts().prompt_tokens, rest);
    EXPECT_EQ(scheduler.step_counts().sampled_tokens, rest == 2 ? 3 : 2);
  }
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 1), Pair(1, 1), Pair(2, 1)));
}

TEST(SchedulerTest, DecodeComesBeforeAnOlderPrompt) {
  Scheduler scheduler(Limits{.max_num_batched_tokens = 8});
  scheduler.Add(Request(0, 30, 9));
  scheduler.Add(Request(1, 1, 9));
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 7), Pair(1, 1)));
  EXPECT_EQ(scheduler.step_counts().prompt_tokens, 8);
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(1, 1), Pair(0, 7)));
  EXPECT_EQ(scheduler.step_counts().prompt_tokens, 7);
}

// Half for the oldest, so that it ends; the rest for the shortest, so that they need not wait.
TEST(SchedulerTest, PromptsShareTheBudget) {
  Scheduler scheduler(Limits{.max_num_batched_tokens = 10});
  scheduler.Add(Request(0, 22, 9));
  scheduler.Add(Request(1, 12, 9));
  scheduler.Add(Request(2, 3, 9));
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 5), Pair(2, 3), Pair(1, 2)));
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(2, 1), Pair(0, 5), Pair(1, 4)));
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(2, 1), Pair(0, 5), Pair(1, 4)));
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(2, 1), Pair(0, 7), Pair(1, 2)));
}

// A prompt of 32k tokens on the same rank: who decodes gets a token in each step, and a newcomer
// with a short prompt begins at once.
TEST(SchedulerTest, AVeryLongPromptDelaysNobody) {
  Scheduler scheduler(Limits{.pages_per_rank = 2000});
  scheduler.Add(Request(0, 10, 500));
  scheduler.NextStep();
  scheduler.Add(Request(1, 32768, 10));
  int64_t next = 2;
  for (int step = 0; step < 17; ++step) {
    scheduler.Add(Request(next, 50, 500));
    std::map<int64_t, int> tokens;
    for (const auto& [id, count] : Chunks(scheduler.NextStep()[0])) tokens[id] = count;
    for (int64_t id = 0; id <= next; ++id) {
      if (id == 1) continue;
      EXPECT_EQ(tokens[id], id == next ? 50 : 1);
    }
    ++next;
  }
  EXPECT_LE(scheduler.step_counts().prompt_tokens, 2048);
}

TEST(SchedulerTest, AdmissionWaitsForASlot) {
  Scheduler scheduler(Limits{.max_num_seqs = 2});
  for (const int id : {0, 1, 2, 3}) scheduler.Add(Request(id, 2, 9));
  EXPECT_THAT(Admitted(scheduler.NextStep()[0]), ElementsAre(0, 1));
  EXPECT_THAT(Admitted(scheduler.NextStep()[0]), IsEmpty());
  EXPECT_EQ(scheduler.num_waiting(), 2);
  Finish(scheduler, {1});
  EXPECT_THAT(Admitted(scheduler.NextStep()[0]), ElementsAre(2));
  Finish(scheduler, {0, 2});
  EXPECT_THAT(Admitted(scheduler.NextStep()[0]), ElementsAre(3));
}

TEST(SchedulerTest, AdmissionWaitsForPagesAndNobodyOvertakes) {
  Scheduler scheduler(Limits{.pages_per_rank = 4});
  scheduler.Add(Request(0, 2 * kKvBlock + 1, 5));  // 3 pages
  scheduler.Add(Request(1, kKvBlock + 1, 5));      // 2
  scheduler.Add(Request(2, 1, 1));                 // 1
  EXPECT_THAT(Admitted(scheduler.NextStep()[0]), ElementsAre(0));
  EXPECT_THAT(Admitted(scheduler.NextStep()[0]), IsEmpty());
  EXPECT_EQ(scheduler.stats().kv_waits, 2);
  EXPECT_EQ(scheduler.stats().kv_tokens, 2 * 4 * kKvBlock);
  Finish(scheduler, {0});
  EXPECT_THAT(Admitted(scheduler.NextStep()[0]), ElementsAre(1, 2));
}

// Room for two prompts of two pages each: when both need a third, the younger one gives way.
TEST(SchedulerTest, TheYoungestGivesItsPagesBack) {
  Scheduler scheduler(Limits{.pages_per_rank = 4});
  for (const int id : {0, 1}) scheduler.Add(Request(id, 2 * kKvBlock, 2 * kKvBlock));
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 64), Pair(1, 64)));
  auto steps = scheduler.NextStep();
  EXPECT_THAT(steps[0].preempt(), ElementsAre(1));
  EXPECT_THAT(Chunks(steps[0]), ElementsAre(Pair(0, 1)));
  for (int i = 0; i < 40; ++i) {
    EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 1)));
  }
  Finish(scheduler, {0});
  // Prompt and the token that it had are computed again; the next one is sampled.
  steps = scheduler.NextStep();
  EXPECT_THAT(Admitted(steps[0]), IsEmpty());
  EXPECT_THAT(Chunks(steps[0]), ElementsAre(Pair(1, 65)));
  EXPECT_EQ(scheduler.step_counts().sampled_tokens, 1);
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(1, 1)));
  EXPECT_EQ(scheduler.stats().preemptions, 1);
  EXPECT_EQ(scheduler.stats().recomputed_tokens, 64);
}

TEST(SchedulerTest, WhoWasPreemptedComesBeforeNewcomers) {
  Scheduler scheduler(Limits{.pages_per_rank = 4});
  for (const int id : {0, 1}) scheduler.Add(Request(id, 2 * kKvBlock, 2 * kKvBlock));
  scheduler.Add(Request(2, 1, 1));
  scheduler.NextStep();
  EXPECT_THAT(scheduler.NextStep()[0].preempt(), ElementsAre(1));
  EXPECT_THAT(Admitted(scheduler.NextStep()[0]), IsEmpty());
  Finish(scheduler, {0});
  auto steps = scheduler.NextStep();
  EXPECT_THAT(Chunks(steps[0]), ElementsAre(Pair(1, 65), Pair(2, 1)));
}

TEST(SchedulerTest, WithSparePagesAllSlotsRun) {
  constexpr int kSlots = 16;
  Scheduler scheduler(
      Limits{.max_num_seqs = kSlots, .pages_per_rank = kSlots + RankLoad::SparePages(kSlots)});
  for (int id = 0; id < kSlots; ++id) scheduler.Add(Request(id, 5, kKvBlock - 5));
  EXPECT_EQ(scheduler.NextStep()[0].admit_size(), kSlots);
}

// Whoever runs takes a token of every step: fewer tokens than slots leave slots empty.
TEST(SchedulerTest, FewerTokensThanSequences) {
  Scheduler scheduler(Limits{.max_num_seqs = 64, .max_num_batched_tokens = 3});
  for (int id = 0; id < 5; ++id) scheduler.Add(Request(id, 1, 9));
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 1), Pair(1, 1), Pair(2, 1)));
  EXPECT_EQ(scheduler.num_waiting(), 2);
}

// The same calls give the same steps: nothing but counts decides.
TEST(SchedulerTest, IsReplayable) {
  const auto play = [] {
    Scheduler scheduler(Limits{
        .num_ranks = 3, .max_num_seqs = 5, .max_num_batched_tokens = 40, .pages_per_rank = 20});
    std::string transcript;
    for (int i = 0; i < 60; ++i) {
      if (i < 20) scheduler.Add(Request(i, 1 + i * 7 % 50, 5));
      for (const RankStep& step : scheduler.NextStep()) {
        transcript += step.SerializeAsString() + "|";
      }
      if (i >= 5 && i % 3 == 0) Finish(scheduler, {(i - 5) / 3});
    }
    return transcript;
  };
  EXPECT_EQ(play(), play());
}

TEST(SchedulerDeathTest, ChecksWhatTheCallerMustHold) {
  EXPECT_DEATH(Scheduler(Limits{.max_num_seqs = 0}), "failed");
  EXPECT_DEATH(Scheduler(Limits{.max_num_batched_tokens = 0}), "failed");
  EXPECT_DEATH(
      {
        Scheduler scheduler(Limits{.pages_per_rank = 1});
        scheduler.Add(Request(0, kKvBlock, 1));
        scheduler.NextStep();
      },
      "larger than the KV cache");
  EXPECT_DEATH(
      {
        Scheduler scheduler(Limits{.pages_per_rank = 1});
        Finish(scheduler, {3});
      },
      "failed");
}

}  // namespace
}  // namespace octet::scheduler_steps
