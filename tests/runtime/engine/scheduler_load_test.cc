// The scheduler under many requests, with every step checked.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/support/fake_ranks.h"

namespace octet::scheduler_steps {
namespace {

class AnyLoad : public testing::TestWithParam<std::tuple<HomePolicy, bool, bool>> {};

// Policies, whether some requests name their homes, and whether there is a prefix cache.
INSTANTIATE_TEST_SUITE_P(Policies, AnyLoad,
                         testing::Combine(testing::Values(HomePolicy::kLeastLoaded,
                                                          HomePolicy::kRoundRobin),
                                          testing::Bool(), testing::Bool()));

TEST_P(AnyLoad, StaysWithinTheLimits) {
  const auto [policy, names_homes, prefix_cache] = GetParam();
  std::mt19937 random(1);
  int64_t preemptions = 0;
  const auto draw = [&](int least, int most) {
    return least + static_cast<int>(random() % (most - least + 1));
  };
  for (int round = 0; round < 150; ++round) {
    const Limits limits = {.num_ranks = draw(1, 9),
                           .max_num_seqs = draw(1, round % 2 == 0 ? 6 : 80),
                           .max_num_batched_tokens = draw(1, round % 3 == 0 ? 9 : 300),
                           .pages_per_rank = draw(6, 30),
                           .prefix_cache = prefix_cache};
    SCOPED_TRACE(testing::Message() << limits.num_ranks << " ranks, " << limits.max_num_seqs
                                    << " seqs, " << limits.max_num_batched_tokens << " tokens, "
                                    << limits.pages_per_rank << " pages");
    FakeRanks ranks(limits, policy);
    const int requests = draw(1, 40);
    for (int id = 0; id < requests; ++id) {
      NewSequence request = Request(id, draw(1, 150), draw(1, 40));
      const int home = draw(0, 2 * limits.num_ranks);
      const bool is_home = home < limits.num_ranks && SchedulerLimits(limits).SlotsOf(home) > 0;
      if (names_homes && is_home) request.set_home(home);
      ranks.Add(request);
    }
    ranks.RunToTheEnd([&](int64_t, int64_t) { return draw(0, 30) == 0; });
    if (testing::Test::HasFatalFailure()) return;
    EXPECT_EQ(ranks.num_preemptions(), ranks.scheduler().stats().preemptions);
    preemptions += ranks.num_preemptions();
  }
  EXPECT_GT(preemptions, 10);
}

// 1,000 requests on 2 and 4 ranks, with room for all: the slots are full until the queue is empty.
// With little room, nine tenths of the cache hold live tokens when a request has to wait for it.
TEST(SchedulerTest, SlotsAndPagesAreUsed) {
  for (const int num_ranks : {2, 4}) {
    for (const int64_t pages : {kManyPages, int64_t{400} / num_ranks}) {
      std::mt19937 random(7);
      FakeRanks ranks(Limits{.num_ranks = num_ranks, .pages_per_rank = pages});
      for (int id = 0; id < 1000; ++id) {
        const auto prompt = static_cast<int>(1 + random() % 512);
        ranks.Add(Request(id, prompt, static_cast<int>(1 + random() % 512)));
      }
      ranks.RunToTheEnd([](int64_t, int64_t) { return false; });
      const SchedulerStats& stats = ranks.scheduler().stats();
      if (pages == kManyPages) {
        EXPECT_GE(stats.busy_slots, 0.9 * static_cast<double>(stats.slots));
        EXPECT_EQ(stats.preemptions, 0);
        EXPECT_EQ(stats.kv_waits, 0);
      } else {
        EXPECT_GT(stats.kv_waits, 100);
        EXPECT_GE(stats.live_kv_tokens, 0.9 * static_cast<double>(stats.kv_tokens));
      }
    }
  }
}

}  // namespace
}  // namespace octet::scheduler_steps
