// On which rank the scheduler lets a request live, by policy.

#include "runtime/engine/home_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/model/kv_cache.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/scheduler_steps.h"
#include "tests/support/tiny_trace.h"

namespace octet::scheduler_steps {
namespace {

using testing::ElementsAre;

NewSequence RequestAt(int home, int64_t id, int num_prompt = 1) {
  NewSequence request = Request(id, num_prompt, 9);
  request.set_home(home);
  return request;
}

std::vector<std::vector<int64_t>> NextHomes(Scheduler& scheduler) {
  std::vector<std::vector<int64_t>> ids;
  for (const RankStep& step : scheduler.NextStep()) ids.push_back(Admitted(step));
  return ids;
}

using Homes = std::vector<std::vector<int64_t>>;

TEST(HomeSetting, HasAName) {
  EXPECT_EQ(ParseHomeSetting("least-loaded")->policy, HomePolicy::kLeastLoaded);
  EXPECT_EQ(ParseHomeSetting("")->policy, HomePolicy::kLeastLoaded);
  EXPECT_EQ(ParseHomeSetting("round-robin")->policy, HomePolicy::kRoundRobin);
  const auto affinity = ParseHomeSetting("affinity:dir/t.zst");
  ASSERT_TRUE(affinity);
  EXPECT_EQ(affinity->policy, HomePolicy::kAffinity);
  EXPECT_EQ(affinity->trace, "dir/t.zst");
  for (const char* wrong : {"affinity", "affinity:", "round_robin", "Round-robin"}) {
    EXPECT_FALSE(ParseHomeSetting(wrong)) << wrong;
  }
}

TEST(RoundRobinHomes, EachIsTheNextAfterTheLatest) {
  Scheduler scheduler(Limits{.num_ranks = 3, .max_num_seqs = 6}, HomePolicy::kRoundRobin);
  for (int id = 0; id < 4; ++id) scheduler.Add(Request(id, 1, 9));
  EXPECT_EQ(NextHomes(scheduler), (Homes{{0, 3}, {1}, {2}}));
  Finish(scheduler, {0, 3});
  // Rank 0 has fewest, and it is rank 1's turn.
  for (int id = 4; id < 6; ++id) scheduler.Add(Request(id, 1, 9));
  EXPECT_EQ(NextHomes(scheduler), (Homes{{}, {4}, {5}}));
}

TEST(RoundRobinHomes, ARankWithoutASlotOrPagesIsPassedOver) {
  Scheduler slots(Limits{.num_ranks = 3, .max_num_seqs = 3}, HomePolicy::kRoundRobin);
  for (int id = 0; id < 3; ++id) slots.Add(Request(id, 1, 9));
  EXPECT_EQ(NextHomes(slots), (Homes{{0}, {1}, {2}}));
  Finish(slots, {1, 2});
  for (int id = 3; id < 6; ++id) slots.Add(Request(id, 1, 9));
  EXPECT_EQ(NextHomes(slots), (Homes{{}, {3}, {4}}));
  EXPECT_EQ(slots.num_waiting(), 1);

  Scheduler pages(Limits{.num_ranks = 2, .pages_per_rank = 3}, HomePolicy::kRoundRobin);
  pages.Add(Request(0, 2 * kKvBlock + 1, 5));
  for (int id = 1; id < 3; ++id) pages.Add(Request(id, 1, 9));
  EXPECT_EQ(NextHomes(pages), (Homes{{0}, {1, 2}}));
}

TEST(RoundRobinHomes, TheTurnGoesThroughAllGroups) {
  Scheduler scheduler(Limits{.num_ranks = 4, .group_size = 2}, HomePolicy::kRoundRobin);
  for (int id = 0; id < 5; ++id) scheduler.Add(Request(id, 1, 9));
  EXPECT_EQ(NextHomes(scheduler), (Homes{{0, 4}, {1}, {2}, {3}}));
}

class NamedHomes : public testing::TestWithParam<HomePolicy> {};

INSTANTIATE_TEST_SUITE_P(Policies, NamedHomes,
                         testing::Values(HomePolicy::kLeastLoaded, HomePolicy::kRoundRobin));

TEST_P(NamedHomes, WinOverThePolicy) {
  Scheduler scheduler(Limits{.num_ranks = 3, .group_size = 1}, GetParam());
  for (int id = 0; id < 3; ++id) scheduler.Add(RequestAt(1, id));
  scheduler.Add(RequestAt(2, 3));
  scheduler.Add(Request(4, 1, 9));
  const auto steps = scheduler.NextStep();
  EXPECT_THAT(Admitted(steps[0]), ElementsAre(4));
  EXPECT_THAT(Admitted(steps[1]), ElementsAre(0, 1, 2));
  EXPECT_THAT(Admitted(steps[2]), ElementsAre(3));
  EXPECT_FALSE(steps[1].admit(0).has_home()) << "the rank has no use for it";
}

// Who comes after it waits too, so that it is not passed by for ever.
TEST_P(NamedHomes, ARequestWaitsForASlotThere) {
  Scheduler scheduler(Limits{.num_ranks = 2, .max_num_seqs = 2}, GetParam());
  scheduler.Add(RequestAt(1, 0));
  scheduler.Add(RequestAt(1, 1));
  scheduler.Add(Request(2, 1, 9));
  EXPECT_EQ(NextHomes(scheduler), (Homes{{}, {0}}));
  EXPECT_EQ(scheduler.num_waiting(), 2);
  EXPECT_EQ(NextHomes(scheduler), (Homes{{}, {}}));
  EXPECT_EQ(scheduler.stats().kv_waits, 0) << "rank 0 has a slot, which is of no use to it";
  EXPECT_EQ(scheduler.stats().slots, 4);
  EXPECT_EQ(scheduler.stats().busy_slots, 2);
  Finish(scheduler, {0});
  EXPECT_EQ(NextHomes(scheduler), (Homes{{2}, {1}}));
}

TEST_P(NamedHomes, ARequestWaitsForPagesThere) {
  Scheduler scheduler(Limits{.num_ranks = 2, .pages_per_rank = 3}, GetParam());
  scheduler.Add(RequestAt(0, 0, 2 * kKvBlock + 1));
  scheduler.Add(RequestAt(0, 1));
  EXPECT_EQ(NextHomes(scheduler), (Homes{{0}, {}}));
  EXPECT_EQ(scheduler.stats().kv_waits, 1);
  Finish(scheduler, {0});
  EXPECT_EQ(NextHomes(scheduler), (Homes{{1}, {}}));
}

// The order of the least loaded is made again after a choice that did not go by it.
TEST(LeastLoadedHomes, KnowOfRequestsThatNamedTheirs) {
  Scheduler scheduler(Limits{.num_ranks = 3, .max_num_seqs = 30});
  scheduler.Add(Request(0, 1, 9));
  scheduler.Add(RequestAt(1, 1));
  scheduler.Add(RequestAt(2, 2));
  scheduler.Add(RequestAt(2, 3));
  for (int id = 4; id < 7; ++id) scheduler.Add(Request(id, 1, 9));
  EXPECT_EQ(NextHomes(scheduler), (Homes{{0, 4, 6}, {1, 5}, {2, 3}}));
}

// Line 1's experts are 0 and 1 of layer 0, and 2 and 3 of layer 1; line 2's 2 and 3 of layer 0.
class AffinityHomes : public testing::Test {
 protected:
  static std::shared_ptr<const LineSignatures> Signatures() {
    MemoryFileSystem files;
    WriteTinyTrace(files, "t.zst",
                   {TinyStep(0, {{}, {.line = 2, .experts = std::string("\2\3\2\3", 4)}})});
    return std::make_shared<LineSignatures>(LineSignatures::Read(files, "t.zst").value());
  }

  static NewSequence OfLine(int64_t line, int64_t id) {
    NewSequence request = Request(id, 1, 9);
    request.set_line(line);
    return request;
  }

  // Experts 0 and 1 of both layers on rank 0, 2 on rank 1, 3 on rank 2.
  const ExpertPlacement placement_ =
      ExpertPlacement::FromRanks({2, 4, 3}, {{0}, {0}, {1}, {2}, {0}, {0}, {1}, {2}});
  const HomeAffinity affinity_{Signatures(), placement_, std::vector<std::string>{"a", "b", "b"}};
};

TEST_F(AffinityHomes, TheRankWithMostOfALinesExpertsIsChosen) {
  Scheduler scheduler(Limits{.num_ranks = 3, .max_num_seqs = 9}, HomePolicy::kAffinity, &affinity_);
  for (int id = 0; id < 2; ++id) scheduler.Add(OfLine(1, id));
  EXPECT_EQ(NextHomes(scheduler), (Homes{{0, 1}, {}, {}}));
  // Ranks 1 and 2 have two each: the default's order decides.
  for (int id = 2; id < 5; ++id) scheduler.Add(OfLine(2, id));
  EXPECT_EQ(NextHomes(scheduler), (Homes{{}, {2, 4}, {3}}));
}

// Where the nearest has no slot, the next nearest that has one; its host breaks a tie.
TEST_F(AffinityHomes, AFullRankIsPassedOver) {
  Scheduler scheduler(Limits{.num_ranks = 3, .max_num_seqs = 3}, HomePolicy::kAffinity, &affinity_);
  for (int id = 0; id < 4; ++id) scheduler.Add(OfLine(1, id));
  EXPECT_EQ(NextHomes(scheduler), (Homes{{0}, {1}, {2}}));
  EXPECT_EQ(scheduler.num_waiting(), 1);

  const HomeAffinity far(Signatures(), placement_, std::vector<std::string>{"a", "b", "a"});
  Scheduler tie(Limits{.num_ranks = 3, .max_num_seqs = 3}, HomePolicy::kAffinity, &far);
  for (int id = 0; id < 2; ++id) tie.Add(OfLine(1, id));
  EXPECT_EQ(NextHomes(tie), (Homes{{0}, {}, {1}}));
}

TEST_F(AffinityHomes, OtherLinesGoToTheLeastLoaded) {
  Scheduler scheduler(Limits{.num_ranks = 3, .max_num_seqs = 9}, HomePolicy::kAffinity, &affinity_);
  scheduler.Add(OfLine(1, 0));
  for (int id = 1; id < 4; ++id) scheduler.Add(OfLine(100, id));
  scheduler.Add(OfLine(1, 4));
  scheduler.Add(OfLine(100, 5));
  EXPECT_EQ(NextHomes(scheduler), (Homes{{0, 3, 4}, {1, 5}, {2}}));
}

TEST_F(AffinityHomes, ANamedHomeWins) {
  Scheduler scheduler(Limits{.num_ranks = 3}, HomePolicy::kAffinity, &affinity_);
  NewSequence request = OfLine(1, 0);
  request.set_home(2);
  scheduler.Add(request);
  EXPECT_EQ(NextHomes(scheduler), (Homes{{}, {}, {0}}));
}

}  // namespace
}  // namespace octet::scheduler_steps
