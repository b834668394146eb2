// How the scheduler deals requests and tokens out to ranks and groups.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/model/kv_cache.h"
#include "tests/support/scheduler_steps.h"

namespace octet::scheduler_steps {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

TEST(SchedulerTest, AllPagesComeBack) {
  Scheduler scheduler(Limits{.num_ranks = 2, .pages_per_rank = 4});
  for (int round = 0; round < 50; ++round) {
    for (int i = 0; i < 4; ++i) scheduler.Add(Request(4 * round + i, 2 * kKvBlock, kKvBlock));
    const auto steps = scheduler.NextStep();
    EXPECT_THAT(Admitted(steps[0]), ElementsAre(4 * round, 4 * round + 2));
    EXPECT_THAT(Admitted(steps[1]), ElementsAre(4 * round + 1, 4 * round + 3));
    Finish(scheduler, {4 * round, 4 * round + 1, 4 * round + 2, 4 * round + 3});
    EXPECT_TRUE(scheduler.idle());
  }
}

TEST(SchedulerTest, TheRankWithFewestIsChosen) {
  Scheduler scheduler(Limits{.num_ranks = 3, .max_num_seqs = 9});
  for (int id = 0; id < 7; ++id) scheduler.Add(Request(id, 1, 9));
  auto steps = scheduler.NextStep();
  EXPECT_THAT(Admitted(steps[0]), ElementsAre(0, 3, 6));
  EXPECT_THAT(Admitted(steps[1]), ElementsAre(1, 4));
  EXPECT_THAT(Admitted(steps[2]), ElementsAre(2, 5));
  Finish(scheduler, {2, 5, 4});
  for (int id = 7; id < 10; ++id) scheduler.Add(Request(id, 1, 9));
  steps = scheduler.NextStep();
  EXPECT_THAT(Admitted(steps[0]), IsEmpty());
  EXPECT_THAT(Admitted(steps[1]), ElementsAre(8));
  EXPECT_THAT(Admitted(steps[2]), ElementsAre(7, 9));
}

TEST(SchedulerTest, ARankWithoutPagesIsPassedOver) {
  Scheduler scheduler(Limits{.num_ranks = 2, .max_num_seqs = 8, .pages_per_rank = 3});
  scheduler.Add(Request(0, 2 * kKvBlock + 1, 5));  // all of rank 0
  scheduler.Add(Request(1, 1, 1));
  scheduler.Add(Request(2, 1, 1));  // rank 0 has as few, but no pages
  const auto steps = scheduler.NextStep();
  EXPECT_THAT(Admitted(steps[0]), ElementsAre(0));
  EXPECT_THAT(Admitted(steps[1]), ElementsAre(1, 2));
}

// One queue for all groups, each with its own limits.
TEST(SchedulerTest, GroupsHaveTheirOwnLimits) {
  const Limits limits = {
      .num_ranks = 4, .max_num_seqs = 3, .max_num_batched_tokens = 20, .group_size = 2};
  EXPECT_EQ(SchedulerLimits(limits).NumSlots(), 6);
  EXPECT_EQ(SchedulerLimits(limits).MaxTokensPerRank(), 10);
  Scheduler scheduler(limits);
  for (int id = 0; id < 8; ++id) scheduler.Add(Request(id, 15, 9));
  const auto steps = scheduler.NextStep();
  EXPECT_THAT(Admitted(steps[0]), ElementsAre(0, 4));
  EXPECT_THAT(Admitted(steps[1]), ElementsAre(1));
  EXPECT_THAT(Admitted(steps[2]), ElementsAre(2, 5));
  EXPECT_THAT(Admitted(steps[3]), ElementsAre(3));
  for (const RankStep& step : steps) {
    int tokens = 0;
    for (const auto& [id, count] : Chunks(step)) tokens += count;
    EXPECT_EQ(tokens, 10);
  }
  EXPECT_EQ(scheduler.num_waiting(), 2);
}

// By the tokens of a whole group.
TEST(SchedulerTest, LargeStepsAreTwoMicroBatches) {
  SchedulerLimits limits =
      Limits{.num_ranks = 4, .max_num_seqs = 8, .max_num_batched_tokens = 20, .group_size = 2};
  for (const int64_t overlap_tokens : {0, 10, 11}) {
    limits.overlap_tokens = overlap_tokens;
    Scheduler scheduler(limits);
    scheduler.Add(Request(0, 10, 3));
    const auto steps = scheduler.NextStep();
    EXPECT_EQ(steps[0].overlap(), overlap_tokens == 10) << overlap_tokens;
    EXPECT_EQ(steps[1].overlap(), overlap_tokens == 10) << overlap_tokens;
    EXPECT_FALSE(steps[2].overlap()) << overlap_tokens;
    EXPECT_FALSE(scheduler.NextStep()[0].overlap()) << overlap_tokens;
  }
}

TEST(SchedulerTest, BudgetsAreDividedOverRanks) {
  const Limits limits = {
      .num_ranks = 3, .max_num_seqs = 4, .max_num_batched_tokens = 11, .pages_per_rank = 100};
  EXPECT_EQ(SchedulerLimits(limits).MaxTokensPerRank(), 4);
  Scheduler scheduler(limits);
  for (int id = 0; id < 5; ++id) scheduler.Add(Request(id, 50, 9));
  const auto steps = scheduler.NextStep();
  EXPECT_THAT(Admitted(steps[0]), ElementsAre(0, 3));
  EXPECT_THAT(Chunks(steps[0]), ElementsAre(Pair(0, 2), Pair(3, 2)));
  EXPECT_THAT(Chunks(steps[1]), ElementsAre(Pair(1, 4)));
  EXPECT_THAT(Chunks(steps[2]), ElementsAre(Pair(2, 3)));
}

TEST(SchedulerTest, FewerTokensThanRanks) {
  Scheduler scheduler(Limits{.num_ranks = 5, .max_num_batched_tokens = 2});
  for (int id = 0; id < 3; ++id) scheduler.Add(Request(id, 3, 2));
  auto steps = scheduler.NextStep();
  EXPECT_THAT(Chunks(steps[0]), ElementsAre(Pair(0, 1)));
  EXPECT_THAT(Chunks(steps[1]), ElementsAre(Pair(1, 1)));
  for (int rank = 2; rank < 5; ++rank) EXPECT_EQ(steps[rank].ByteSizeLong(), 0U);
  EXPECT_EQ(scheduler.num_waiting(), 1);
}

TEST(SchedulerTest, FewerSequencesThanRanks) {
  Scheduler scheduler(Limits{.num_ranks = 4, .max_num_seqs = 1});
  for (const int id : {0, 1}) scheduler.Add(Request(id, 3, 2));
  EXPECT_THAT(Admitted(scheduler.NextStep()[0]), ElementsAre(0));
  Finish(scheduler, {0});
  EXPECT_THAT(Admitted(scheduler.NextStep()[0]), ElementsAre(1));
}

// What each rank's step says of the room of all, or nothing.
std::vector<std::pair<int64_t, int64_t>> Rooms(std::span<const RankStep> steps) {
  std::vector<std::pair<int64_t, int64_t>> rooms;
  for (const RankStep& step : steps) {
    if (step.has_decode()) rooms.emplace_back(step.decode().tokens(), step.decode().context());
  }
  return rooms;
}

TEST(SchedulerTest, StepsThatOnlyDecodeHaveTheSameRoomOnAllRanks) {
  Scheduler scheduler(Limits{.num_ranks = 2, .decode_room = 3});
  for (int64_t id = 0; id < 5; ++id) scheduler.Add(Request(id, id == 4 ? 509 : 7, 9));
  EXPECT_THAT(Rooms(scheduler.NextStep()), IsEmpty());  // prompts
  // Three sequences on one rank, for which there is no room for four.
  EXPECT_THAT(Rooms(scheduler.NextStep()), ElementsAre(Pair(3, 512), Pair(3, 512)));
  Finish(scheduler, {0, 2});
  EXPECT_THAT(Rooms(scheduler.NextStep()), ElementsAre(Pair(2, 512), Pair(2, 512)));
  EXPECT_THAT(Rooms(scheduler.NextStep()), ElementsAre(Pair(2, 1024), Pair(2, 1024)));
  Finish(scheduler, {1});
  EXPECT_THAT(Rooms(scheduler.NextStep()), ElementsAre(Pair(1, 1024), Pair(1, 1024)));
  scheduler.Add(Request(5, 2, 9));
  EXPECT_THAT(Rooms(scheduler.NextStep()), IsEmpty());
}

TEST(SchedulerTest, APromptOfOneTokenIsDecoded) {
  Scheduler scheduler(Limits{.decode_room = 4});
  scheduler.Add(Request(0, 1, 2));
  EXPECT_THAT(Rooms(scheduler.NextStep()), ElementsAre(Pair(1, 512)));
}

TEST(SchedulerTest, StepsWithoutRoomForAllTokensSaySo) {
  Scheduler many(Limits{.decode_room = 2});
  for (int64_t id = 0; id < 3; ++id) many.Add(Request(id, 2, 9));
  many.NextStep();
  EXPECT_THAT(Rooms(many.NextStep()), IsEmpty());
  // The last but one token of a prompt: no token follows from it yet.
  Scheduler part(Limits{.max_num_batched_tokens = 1, .decode_room = 2});
  part.Add(Request(0, 2, 9));
  EXPECT_THAT(Rooms(part.NextStep()), IsEmpty());
  EXPECT_THAT(Rooms(part.NextStep()), ElementsAre(Pair(1, 512)));
  Scheduler never(Limits{});
  never.Add(Request(0, 2, 9));
  never.NextStep();
  EXPECT_THAT(Rooms(never.NextStep()), IsEmpty());
}

}  // namespace
}  // namespace octet::scheduler_steps
