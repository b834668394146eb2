// Draft tokens in the steps of the scheduler.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/support/fake_ranks.h"

namespace octet::scheduler_steps {
namespace {

using testing::ElementsAre;
using testing::Pair;

// Lets the sequences sample so many tokens, one for the first ones; all have drafts from then on.
void Sample(Scheduler& scheduler, const std::vector<std::pair<int64_t, int>>& counts,
            int num_right = 0) {
  StepResult result;
  for (const auto& [id, count] : counts) {
    for (int i = 0; i < count; ++i) result.add_sampled()->set_id(id);
    Draft& draft = *result.add_drafts();
    draft.set_id(id);
    draft.set_num_right(num_right);
  }
  scheduler.Finish(result);
}

TEST(SchedulerDrafts, FollowTheNewestTokenOfWhoHasSome) {
  Scheduler scheduler(Limits{.drafts = {.of_sequence = 4}});
  for (const int id : {0, 1}) scheduler.Add(Request(id, 10, 20));
  scheduler.NextStep();
  Sample(scheduler, {{0, 1}});
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 5), Pair(1, 1)));
  EXPECT_EQ(scheduler.step_counts().sampled_tokens, 2);
  Sample(scheduler, {{0, 3}, {1, 1}});
  EXPECT_EQ(scheduler.step_counts().sampled_tokens, 4);
  EXPECT_EQ(scheduler.stats().draft_tokens, 4);
  EXPECT_EQ(scheduler.stats().accepted_tokens, 2);
  const RankStep& next = scheduler.NextStep()[0];
  EXPECT_THAT(Chunks(next), ElementsAre(Pair(0, 5), Pair(1, 5)));
  EXPECT_EQ(next.chunks(0).first_position(), 10 + 1 + 2);
  EXPECT_EQ(next.chunks(1).first_position(), 10 + 1);
}

TEST(SchedulerDrafts, AreNeverTheLastTokenOfAnAnswer) {
  Scheduler scheduler(Limits{.drafts = {.of_sequence = 8}});
  scheduler.Add(Request(0, 10, 5));
  scheduler.NextStep();
  Sample(scheduler, {{0, 1}});
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 4)));
  Sample(scheduler, {{0, 3}});
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 1)));
}

// What prompts leave of the budget is for first draft tokens, then for second ones.
TEST(SchedulerDrafts, ComeBehindPrompts) {
  Scheduler scheduler(Limits{.max_num_batched_tokens = 25, .drafts = {.of_sequence = 8}});
  for (const int id : {0, 1}) scheduler.Add(Request(id, 10, 20));
  scheduler.NextStep();
  Sample(scheduler, {{0, 1}, {1, 1}});
  scheduler.Add(Request(2, 20, 20));
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 3), Pair(1, 2), Pair(2, 20)));
}

// What other ranks leave of theirs is not for them.
TEST(SchedulerDrafts, AreInTheBudgetOfTheirRank) {
  Scheduler scheduler(
      Limits{.num_ranks = 2, .max_num_batched_tokens = 20, .drafts = {.of_sequence = 30}});
  scheduler.Add(Request(0, 5, 100));
  scheduler.NextStep();
  Sample(scheduler, {{0, 1}});
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 10)));
}

// With three pages, the sequences could need one each in the next step.
TEST(SchedulerDrafts, TakeNoPageThatOthersMayNeed) {
  for (const int64_t pages : {4, 5}) {
    Scheduler scheduler(Limits{.pages_per_rank = pages, .drafts = {.of_sequence = 6}});
    for (const int id : {0, 1}) scheduler.Add(Request(id, kKvBlock - 4, 20));
    scheduler.NextStep();
    Sample(scheduler, {{0, 1}, {1, 1}});
    const RankStep& step = scheduler.NextStep()[0];
    EXPECT_THAT(Chunks(step), pages == 4 ? ElementsAre(Pair(0, 4), Pair(1, 4))
                                         : ElementsAre(Pair(0, 7), Pair(1, 7)));
    EXPECT_EQ(step.chunks(0).pages_size(), pages == 4 ? 0 : 1);
  }
}

TEST(SchedulerDrafts, OnlyCheapOnes) {
  const DraftLimits limits = {.of_sequence = 4, .only_cheap = true, .num_experts = 8, .topk = 2};
  Scheduler scheduler(Limits{.drafts = limits});
  scheduler.Add(Request(0, 10, 50));
  scheduler.NextStep();
  Sample(scheduler, {{0, 1}}, /*num_right=*/2);
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 1)));
  Sample(scheduler, {{0, 1}}, /*num_right=*/8);
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 5)));
}

// A preempted sequence is computed again, and then has its drafts.
TEST(SchedulerDrafts, StayWithinTheLimitsUnderAnyLoad) {
  std::mt19937 random(5);
  const auto draw = [&](int least, int most) {
    return least + static_cast<int>(random() % (most - least + 1));
  };
  int64_t drafts = 0;
  int64_t preemptions = 0;
  int64_t accepted = 0;
  for (int round = 0; round < 300; ++round) {
    const Limits limits = {.num_ranks = draw(1, 5),
                           .max_num_seqs = draw(1, round % 2 == 0 ? 6 : 80),
                           .max_num_batched_tokens = draw(1, round % 3 == 0 ? 9 : 300),
                           .pages_per_rank = draw(6, 30),
                           .prefix_cache = round % 2 == 0,
                           .drafts = {.of_sequence = draw(1, static_cast<int>(DraftLimits::kMost)),
                                      .only_cheap = round % 5 == 0,
                                      .num_experts = 8,
                                      .topk = 2}};
    SCOPED_TRACE(testing::Message() << "round " << round);
    FakeRanks ranks(limits);
    const int requests = draw(1, 40);
    for (int id = 0; id < requests; ++id) {
      const int same = draw(0, 2) == 0 ? 0 : 1000 * id;
      NewSequence request = Request(id, draw(1, 150), draw(1, 40));
      for (int32_t& token : *request.mutable_prompt_ids()) token += same;
      ranks.Add(request);
    }
    ranks.RunToTheEnd([&](int64_t, int64_t) { return draw(0, 30) == 0; });
    if (testing::Test::HasFatalFailure()) return;
    EXPECT_EQ(ranks.num_drafts(), ranks.scheduler().stats().draft_tokens);
    for (int r = 0; r < limits.num_ranks; ++r) {
      EXPECT_EQ(ranks.scheduler().num_free_pages(r), limits.pages_per_rank);
    }
    drafts += ranks.num_drafts();
    preemptions += ranks.num_preemptions();
    accepted += ranks.scheduler().stats().accepted_tokens;
  }
  EXPECT_GT(drafts, 10000);
  EXPECT_GT(accepted, 1000);
  EXPECT_GT(preemptions, 10);
}

}  // namespace
}  // namespace octet::scheduler_steps
