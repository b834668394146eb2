#include "runtime/engine/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "runtime/model/kv_cache.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

NewSequence Request(int64_t id, int num_prompt, int max_tokens) {
  NewSequence request;
  request.set_id(id);
  for (int i = 0; i < num_prompt; ++i) request.add_prompt_ids(i);
  request.mutable_params()->set_max_tokens(max_tokens);
  return request;
}

std::vector<int64_t> Admitted(const RankStep& step) {
  std::vector<int64_t> ids;
  for (const NewSequence& added : step.admit()) ids.push_back(added.id());
  return ids;
}

std::vector<std::pair<int64_t, int>> Chunks(const RankStep& step) {
  std::vector<std::pair<int64_t, int>> chunks;
  for (const Chunk& chunk : step.chunks()) chunks.emplace_back(chunk.id(), chunk.num_tokens());
  return chunks;
}

void Finish(Scheduler& scheduler, const std::vector<int64_t>& ids) {
  StepResult result;
  for (const int64_t id : ids) result.add_finished()->set_id(id);
  scheduler.Finish(result);
}

constexpr int64_t kManyPages = 1000;

struct Limits {
  int num_ranks = 1;
  int64_t max_num_seqs = 64;
  int64_t max_num_batched_tokens = 2048;
  int64_t pages_per_rank = kManyPages;
  int group_size = 0;  // 0: all ranks

  operator SchedulerLimits() const {  // NOLINT(google-explicit-constructor)
    return {.max_num_seqs = max_num_seqs,
            .max_num_batched_tokens = max_num_batched_tokens,
            .pages = std::vector<int64_t>(num_ranks, pages_per_rank),
            .group_size = group_size > 0 ? group_size : num_ranks};
  }
};

// Plays the ranks: keeps what each has taken, and checks every step against the limits.
class FakeRanks {
 public:
  explicit FakeRanks(const Limits& limits) : limits_(limits), scheduler_(limits) {}

  void Add(const NewSequence& request) {
    requested_.push_back(request.id());
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
  std::vector<int64_t> requested_;  // ascending
  std::vector<int64_t> admitted_;
  std::vector<int64_t> admitted_now_;  // in the step at hand
  int64_t num_steps_ = 0;
  int64_t num_preemptions_ = 0;
};

TEST(SchedulerTest, AnyLoadStaysWithinTheLimits) {
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
    FakeRanks ranks(limits);
    const int requests = draw(1, 40);
    for (int id = 0; id < requests; ++id) ranks.Add(Request(id, draw(1, 150), draw(1, 40)));
    ranks.RunToTheEnd([&](int64_t, int64_t) { return draw(0, 30) == 0; });
    if (testing::Test::HasFatalFailure()) return;
    EXPECT_EQ(ranks.num_preemptions(), ranks.scheduler().stats().preemptions);
    preemptions += ranks.num_preemptions();
  }
  EXPECT_GT(preemptions, 20);
}

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

TEST(SchedulerTest, WithSparePagesAllSlotsRun) {
  constexpr int kSlots = 16;
  Scheduler scheduler(
      Limits{.max_num_seqs = kSlots, .pages_per_rank = kSlots + Scheduler::SparePages(kSlots)});
  for (int id = 0; id < kSlots; ++id) scheduler.Add(Request(id, 5, kKvBlock - 5));
  EXPECT_EQ(scheduler.NextStep()[0].admit_size(), kSlots);
}

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

// Whoever runs takes a token of every step: fewer tokens than slots leave slots empty.
TEST(SchedulerTest, FewerTokensThanSequences) {
  Scheduler scheduler(Limits{.max_num_seqs = 64, .max_num_batched_tokens = 3});
  for (int id = 0; id < 5; ++id) scheduler.Add(Request(id, 1, 9));
  EXPECT_THAT(Chunks(scheduler.NextStep()[0]), ElementsAre(Pair(0, 1), Pair(1, 1), Pair(2, 1)));
  EXPECT_EQ(scheduler.num_waiting(), 2);
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
}  // namespace octet
