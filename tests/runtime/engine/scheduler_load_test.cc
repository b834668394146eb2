// The scheduler under many requests, with every step checked.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "runtime/model/kv_cache.h"
#include "tests/support/scheduler_steps.h"

namespace octet::scheduler_steps {
namespace {

using testing::IsEmpty;

// Plays the ranks: keeps what each has taken, and checks every step against the limits.
class FakeRanks {
 public:
  explicit FakeRanks(const Limits& limits, HomePolicy policy = HomePolicy::kLeastLoaded)
      : limits_(limits), scheduler_(limits, policy) {}

  void Add(const NewSequence& request) {
    requested_.push_back(request.id());
    if (request.has_home()) named_homes_[request.id()] = request.home();
    scheduler_.Add(request);
  }

  // `stop_early` decides after each sampled token whether the sequence ends there.
  template <class F>
  void RunToTheEnd(F stop_early) {
    while (!scheduler_.idle()) {
      ASSERT_LT(++num_steps_, 100000) << "no end";
      const auto steps = scheduler_.NextStep();
      ASSERT_EQ(steps.size(), static_cast<size_t>(limits_.num_ranks));
      StepCounts counted;
      int64_t all_tokens = 0;
      StepResult result;
      for (int rank = 0; rank < limits_.num_ranks; ++rank) {
        for (const int64_t id : steps[rank].preempt()) Preempt(rank, id);
        for (const NewSequence& added : steps[rank].admit()) Take(rank, added);
        int64_t tokens = 0;
        std::map<int64_t, int> chunks_of;
        for (const Chunk& chunk : steps[rank].chunks()) {
          ASSERT_EQ(++chunks_of[chunk.id()], 1) << "two chunks of one sequence";
          Compute(rank, chunk, counted, result, stop_early);
          tokens += chunk.num_tokens();
        }
        ASSERT_LE(tokens, SchedulerLimits(limits_).MaxTokensPerRank());
        all_tokens += tokens;
        ASSERT_LE(PagesOn(rank), limits_.pages_per_rank);
      }
      ASSERT_LE(all_tokens, limits_.max_num_batched_tokens);
      ASSERT_LE(std::ssize(running_), limits_.max_num_seqs);
      ASSERT_GT(all_tokens, 0) << "a step that does nothing";
      ASSERT_EQ(counted.prompt_tokens, scheduler_.step_counts().prompt_tokens);
      ASSERT_EQ(counted.sampled_tokens, scheduler_.step_counts().sampled_tokens);
      std::sort(admitted_now_.begin(), admitted_now_.end());  // ranks came one after the other
      admitted_.insert(admitted_.end(), admitted_now_.begin(), admitted_now_.end());
      admitted_now_.clear();
      CheckNobodyWaits(steps);
      for (const FinishedSequence& f : result.finished()) running_.erase(f.id());
      scheduler_.Finish(result);
    }
    EXPECT_THAT(running_, IsEmpty());
    EXPECT_EQ(admitted_, requested_) << "not first in, first out";
  }

  int64_t num_steps() const { return num_steps_; }
  int64_t num_preemptions() const { return num_preemptions_; }
  const Scheduler& scheduler() const { return scheduler_; }

 private:
  struct Sequence {
    int rank;
    int64_t num_prompt;
    int64_t max_tokens;
    int64_t num_computed = 0;
    int64_t num_sampled = 0;
    bool preempted = false;
  };

  void Preempt(int rank, int64_t id) {
    Sequence& s = running_.at(id);
    ASSERT_EQ(s.rank, rank);
    s.num_computed = 0;
    s.preempted = true;
    for (const auto& [other, t] : running_) {
      ASSERT_TRUE(other <= id || t.rank != rank || t.preempted) << other << " is younger";
    }
    ++num_preemptions_;
  }

  void Take(int rank, const NewSequence& added) {
    const bool is_new =
        running_.insert({added.id(), {rank, added.prompt_ids_size(), added.params().max_tokens()}})
            .second;
    ASSERT_TRUE(is_new);
    const auto named = named_homes_.find(added.id());
    ASSERT_TRUE(named == named_homes_.end() || named->second == rank) << added.id();
    admitted_now_.push_back(added.id());
  }

  template <class F>
  void Compute(int rank, const Chunk& chunk, StepCounts& counted, StepResult& result,
               F stop_early) {
    ASSERT_TRUE(running_.contains(chunk.id()));
    Sequence& s = running_.at(chunk.id());
    ASSERT_EQ(s.rank, rank);
    ASSERT_GT(chunk.num_tokens(), 0);
    s.preempted = false;
    const int64_t known = s.num_prompt + s.num_sampled;
    ASSERT_LE(s.num_computed + chunk.num_tokens(), known) << "tokens that are not there yet";
    counted.prompt_tokens += std::max<int64_t>(
        0, std::min(s.num_prompt, s.num_computed + chunk.num_tokens()) - s.num_computed);
    s.num_computed += chunk.num_tokens();
    if (s.num_computed < known) return;
    ++counted.sampled_tokens;
    ++s.num_sampled;
    if (s.num_sampled < s.max_tokens && !stop_early(chunk.id(), s.num_sampled)) return;
    result.add_finished()->set_id(chunk.id());
  }

  // Whoever is past its prompt gets a token in every step.
  void CheckNobodyWaits(std::span<const RankStep> steps) {
    for (const auto& [id, s] : running_) {
      const bool decodes = s.num_sampled > 0 && s.num_computed > s.num_prompt && !s.preempted;
      const auto& chunks = steps[s.rank].chunks();
      const bool has_chunk = std::any_of(chunks.begin(), chunks.end(),
                                         [id = id](const Chunk& c) { return c.id() == id; });
      ASSERT_TRUE(!decodes || has_chunk) << "sequence " << id << " waits";
    }
  }

  int64_t PagesOn(int rank) const {
    int64_t pages = 0;
    for (const auto& [id, s] : running_) {
      if (s.rank == rank) pages += KvCache::PagesFor(s.num_computed);
    }
    return pages;
  }

  Limits limits_;
  Scheduler scheduler_;
  std::map<int64_t, Sequence> running_;
  std::map<int64_t, int> named_homes_;  // of the requests that name theirs
  std::vector<int64_t> requested_;      // ascending
  std::vector<int64_t> admitted_;
  std::vector<int64_t> admitted_now_;  // in the step at hand
  int64_t num_steps_ = 0;
  int64_t num_preemptions_ = 0;
};

class AnyLoad : public testing::TestWithParam<std::tuple<HomePolicy, bool>> {};

// Policies, and whether some requests name their homes.
INSTANTIATE_TEST_SUITE_P(Policies, AnyLoad,
                         testing::Combine(testing::Values(HomePolicy::kLeastLoaded,
                                                          HomePolicy::kRoundRobin),
                                          testing::Bool()));

TEST_P(AnyLoad, StaysWithinTheLimits) {
  const auto [policy, names_homes] = GetParam();
  std::mt19937 random(1);
  int64_t preemptions = 0;
  const auto draw = [&](int least, int most) {
    return least + static_cast<int>(random() % (most - least + 1));
  };
  for (int round = 0; round < 150; ++round) {
    const Limits limits = {.num_ranks = draw(1, 9),
                           .max_num_seqs = draw(1, round % 2 == 0 ? 6 : 80),
                           .max_num_batched_tokens = draw(1, round % 3 == 0 ? 9 : 300),
                           .pages_per_rank = draw(6, 30)};
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
