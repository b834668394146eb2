// What the scheduler lets sequences share, with the pages' content checked.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/support/fake_ranks.h"

namespace octet::scheduler_steps {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr auto kNeverEarly = [](int64_t, int64_t) { return false; };

// `shared` tokens that all have, and `own` ones of this request.
NewSequence SharingRequest(int64_t id, int shared, int own, int max_tokens) {
  NewSequence request = Request(id, shared, max_tokens);
  for (int i = 0; i < own; ++i) request.add_prompt_ids(static_cast<int32_t>(5000 + 100 * id + i));
  return request;
}

// 64 requests begin in one step. Each rank computes their prompt once, and then
// one token for each of the others.
TEST(PrefixSharing, APromptIsComputedOnceOnEachRank) {
  for (const int num_ranks : {1, 2, 4}) {
    for (const int prompt : {2000, 1984, 1985, 2047}) {
      FakeRanks ranks(Limits{
          .num_ranks = num_ranks, .max_num_batched_tokens = 256 * num_ranks, .prefix_cache = true});
      for (int id = 0; id < 64; ++id) ranks.Add(Request(id, prompt, 3));
      ranks.RunToTheEnd(kNeverEarly);
      EXPECT_EQ(ranks.num_computed(), num_ranks * prompt + (64 - num_ranks) + 64 * 2) << prompt;
      const SchedulerStats& stats = ranks.scheduler().stats();
      EXPECT_EQ(stats.prompt_tokens, 64 * prompt);
      EXPECT_EQ(stats.found_tokens, (64 - num_ranks) * (prompt - 1));
      EXPECT_LE(ranks.num_steps(), (prompt + 255) / 256 + 1 + 2);
    }
  }
}

TEST(PrefixSharing, OwnTokensBehindASharedPromptAreComputed) {
  FakeRanks ranks(Limits{.max_num_batched_tokens = 256, .prefix_cache = true});
  for (int id = 0; id < 64; ++id) ranks.Add(SharingRequest(id, 2000, 5, 1));
  ranks.RunToTheEnd(kNeverEarly);
  EXPECT_EQ(ranks.num_computed(), 2000 + 64 * 5);
}

TEST(PrefixSharing, WithoutTheCacheNothingIsShared) {
  FakeRanks ranks(Limits{.pages_per_rank = 4096});
  for (int id = 0; id < 8; ++id) ranks.Add(Request(id, 100, 1));
  ranks.RunToTheEnd(kNeverEarly);
  EXPECT_EQ(ranks.num_computed(), 800);
  EXPECT_EQ(ranks.scheduler().stats().prompt_tokens, 0);
}

// Pages of sequences that ended are free memory: they neither delay nor preempt anyone.
TEST(PrefixSharing, KeptPagesAreFree) {
  Scheduler scheduler(Limits{.pages_per_rank = 4, .prefix_cache = true});
  scheduler.Add(Request(0, 4 * kKvBlock - 1, 1));
  scheduler.NextStep();
  Finish(scheduler, {0});
  EXPECT_EQ(scheduler.num_free_pages(0), 4);
  scheduler.Add(SharingRequest(1, 0, 4 * kKvBlock - 1, 1));
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(1, 4 * kKvBlock - 1)));
  EXPECT_EQ(scheduler.stats().kv_waits, 0);
  EXPECT_EQ(scheduler.stats().preemptions, 0);
}

// Three quarters of both prompts are shared, so that there is room for both at once.
TEST(PrefixSharing, SharedPagesTakeRoomOnce) {
  Scheduler scheduler(Limits{.pages_per_rank = 5, .prefix_cache = true});
  for (const int id : {0, 1}) scheduler.Add(SharingRequest(id, 3 * kKvBlock, 5, 9));
  const auto steps = scheduler.NextStep();
  EXPECT_THAT(Admitted(steps[0]), ElementsAre(0, 1));
  EXPECT_THAT(Chunks(steps[0]), ElementsAre(Pair(0, 101)));
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 1), Pair(1, 5)));
}

TEST(PrefixSharing, WhoIsPreemptedFindsItsPagesAgain) {
  FakeRanks ranks(Limits{.pages_per_rank = 13, .prefix_cache = true});
  for (int id = 0; id < 4; ++id) ranks.Add(SharingRequest(id, 0, 2 * kKvBlock, 2 * kKvBlock));
  ranks.RunToTheEnd(kNeverEarly);
  const SchedulerStats& stats = ranks.scheduler().stats();
  EXPECT_GT(stats.preemptions, 0);
  FakeRanks without(Limits{.pages_per_rank = 13});
  for (int id = 0; id < 4; ++id) without.Add(SharingRequest(id, 0, 2 * kKvBlock, 2 * kKvBlock));
  without.RunToTheEnd(kNeverEarly);
  EXPECT_LT(stats.recomputed_tokens, without.scheduler().stats().recomputed_tokens);
}

// A rank with a page of the prompt is chosen as long as it has no more than one sequence more for
// each such page.
TEST(PrefixSharing, ARequestGoesWhereItsPromptIsIfThatPays) {
  Scheduler scheduler(Limits{.num_ranks = 3, .prefix_cache = true});
  for (int id = 0; id < 5; ++id) scheduler.Add(SharingRequest(id, 2 * kKvBlock, 3, 9));
  const auto steps = scheduler.NextStep();
  EXPECT_THAT(Admitted(steps[0]), ElementsAre(0, 1));
  EXPECT_THAT(Admitted(steps[1]), ElementsAre(2, 3));
  EXPECT_THAT(Admitted(steps[2]), ElementsAre(4));
}

TEST(PrefixSharing, ANamedHomeWins) {
  Scheduler scheduler(Limits{.num_ranks = 2, .prefix_cache = true});
  for (int id = 0; id < 3; ++id) {
    NewSequence request = SharingRequest(id, 500, 3, 9);
    if (id == 1) request.set_home(1);
    scheduler.Add(request);
  }
  const auto steps = scheduler.NextStep();
  EXPECT_THAT(Admitted(steps[0]), ElementsAre(0, 2));
  EXPECT_THAT(Admitted(steps[1]), ElementsAre(1));
}

// The logits of all its prompt's tokens are wanted, so that it computes them, also when another
// has.
TEST(PrefixSharing, PromptLogprobsNeedAllTokens) {
  FakeRanks ranks(Limits{.prefix_cache = true});
  for (int id = 0; id < 3; ++id) {
    NewSequence request = Request(id, 100, 1);
    if (id > 0) request.mutable_params()->set_num_prompt_logprobs(0);
    ranks.Add(request);
  }
  ranks.RunToTheEnd(kNeverEarly);
  EXPECT_EQ(ranks.num_computed(), 300);
}

// Few different beginnings, in caches that are small for them.
TEST(PrefixSharing, EveryPageHoldsWhatItsSequencesRead) {
  std::mt19937 random(3);
  const auto draw = [&](int least, int most) {
    return least + static_cast<int>(random() % (most - least + 1));
  };
  int64_t found = 0;
  int64_t preemptions = 0;
  for (int round = 0; round < 300; ++round) {
    SCOPED_TRACE(round);
    const Limits limits = {.num_ranks = draw(1, 4),
                           .max_num_seqs = draw(2, 30),
                           .max_num_batched_tokens = draw(4, round % 3 == 0 ? 20 : 300),
                           .pages_per_rank = draw(7, 30),
                           .prefix_cache = true};
    FakeRanks ranks(limits);
    const int requests = draw(2, 40);
    for (int id = 0; id < requests; ++id) {
      NewSequence request = SharingRequest(id, draw(0, 3) * draw(1, 45), draw(1, 30), draw(1, 40));
      if (draw(0, 1) == 0) request.set_prompt_ids(draw(0, request.prompt_ids_size() - 1), 7);
      if (draw(0, 9) == 0) request.mutable_params()->set_num_prompt_logprobs(0);
      ranks.Add(request);
    }
    ranks.RunToTheEnd([&](int64_t, int64_t) { return draw(0, 30) == 0; });
    if (testing::Test::HasFailure()) return;
    for (int r = 0; r < limits.num_ranks; ++r) {
      EXPECT_EQ(ranks.scheduler().num_free_pages(r), limits.pages_per_rank);
    }
    found += ranks.scheduler().stats().found_tokens;
    preemptions += ranks.num_preemptions();
  }
  EXPECT_GT(found, 10000);
  EXPECT_GT(preemptions, 100);
}

}  // namespace
}  // namespace octet::scheduler_steps
