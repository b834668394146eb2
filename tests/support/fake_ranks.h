// Ranks that do what a scheduler says, and check it.

#ifndef OCTET_TESTS_SUPPORT_FAKE_RANKS_H_
#define OCTET_TESTS_SUPPORT_FAKE_RANKS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "runtime/model/kv_cache.h"
#include "tests/support/scheduler_steps.h"

namespace octet::scheduler_steps {

// Plays the ranks: keeps what each has taken and which tokens its pages hold, and checks every step
// against the limits. The token that a sequence samples depends on its tokens alone, and which
// draft tokens are right on their positions.
class FakeRanks {
 public:
  explicit FakeRanks(const Limits& limits, HomePolicy policy = HomePolicy::kLeastLoaded)
      : limits_(limits), scheduler_(limits, policy), held_(limits.num_ranks) {}

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
        for (const PageCopy& copy : steps[rank].copies()) {
          held_[rank][copy.to()] = held_[rank][copy.from()];
        }
        for (const Chunk& chunk : steps[rank].chunks()) CheckFound(rank, chunk);
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
      ASSERT_EQ(result.sampled_size(), scheduler_.step_counts().sampled_tokens);
    }
    EXPECT_THAT(running_, testing::IsEmpty());
    EXPECT_EQ(admitted_, requested_) << "not first in, first out";
  }

  int64_t num_steps() const { return num_steps_; }
  int64_t num_computed() const { return num_computed_; }  // tokens, of all sequences
  int64_t num_drafts() const { return num_drafts_; }
  int64_t num_preemptions() const { return num_preemptions_; }
  const Scheduler& scheduler() const { return scheduler_; }

 private:
  struct Sequence {
    int64_t id;
    int rank;
    int64_t num_prompt;
    int64_t max_tokens;
    std::vector<int32_t> tokens;
    bool needs_all;             // of its prompt's tokens, the logits
    int64_t most_computed = 0;  // by itself
    int64_t num_computed = 0;
    std::vector<int32_t> pages = {};
    int64_t num_sampled = 0;
    bool preempted = false;
    bool may_guess = false;
  };

  void Preempt(int rank, int64_t id) {
    Sequence& s = running_.at(id);
    ASSERT_EQ(s.rank, rank);
    s.num_computed = 0;
    s.pages.clear();
    s.preempted = true;
    for (const auto& [other, t] : running_) {
      ASSERT_TRUE(other <= id || t.rank != rank || t.preempted) << other << " is younger";
    }
    ++num_preemptions_;
  }

  void Take(int rank, const NewSequence& added) {
    const bool is_new =
        running_
            .insert({added.id(),
                     {added.id(), rank, added.prompt_ids_size(), added.params().max_tokens(),
                      std::vector<int32_t>(added.prompt_ids().begin(), added.prompt_ids().end()),
                      added.params().num_prompt_logprobs() >= 0}})
            .second;
    ASSERT_TRUE(is_new);
    const auto named = named_homes_.find(added.id());
    ASSERT_TRUE(named == named_homes_.end() || named->second == rank) << added.id();
    admitted_now_.push_back(added.id());
  }

  // The pages hold all tokens before the chunk, since an earlier step.
  void CheckFound(int rank, const Chunk& chunk) {
    ASSERT_TRUE(running_.contains(chunk.id()));
    Sequence& s = running_.at(chunk.id());
    ASSERT_GE(chunk.first_position(), s.num_computed);
    ASSERT_TRUE(!s.needs_all || chunk.first_position() <= s.most_computed) << "lost logits";
    for (const int32_t page : chunk.pages()) {
      ASSERT_GE(page, 0);
      s.pages.push_back(page);
    }
    ASSERT_GE(std::ssize(s.pages), KvCache::PagesFor(chunk.first_position() + chunk.num_tokens()));
    for (int64_t begin = 0; begin < chunk.first_position(); begin += kKvBlock) {
      const int64_t size = std::min<int64_t>(kKvBlock, chunk.first_position() - begin);
      const std::vector<int32_t>& held = held_[rank][s.pages[begin / kKvBlock]];
      ASSERT_GE(std::ssize(held), size) << chunk.id() << " at " << begin;
      ASSERT_TRUE(std::equal(held.begin(), held.begin() + size, s.tokens.begin() + begin))
          << chunk.id() << " at " << begin;
    }
    s.num_computed = chunk.first_position();
  }

  // Writes to pages; what they held behind is another sequence's.
  void Write(int rank, Sequence& s, int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      std::vector<int32_t>& held = held_[rank][s.pages[p / kKvBlock]];
      held.resize(p % kKvBlock);
      held.push_back(s.tokens[p]);
    }
    num_computed_ += end - begin;
    s.most_computed = std::max(s.most_computed, end);
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
    const int64_t drafts = s.num_computed + chunk.num_tokens() - known;
    ASSERT_TRUE(drafts <= 0 || s.may_guess) << "tokens that are not there yet";
    ASSERT_LE(drafts, limits_.drafts.of_sequence);
    if (drafts > 0) return Decode(rank, s, drafts, counted, result, stop_early);
    counted.prompt_tokens += std::max<int64_t>(
        0, std::min(s.num_prompt, s.num_computed + chunk.num_tokens()) - s.num_computed);
    Write(rank, s, s.num_computed, s.num_computed + chunk.num_tokens());
    s.num_computed += chunk.num_tokens();
    if (s.num_computed == known) Decode(rank, s, 0, counted, result, stop_early);
  }

  void ComputeNext(int rank, Sequence& s) {
    Write(rank, s, s.num_computed, s.num_computed + 1);
    ++s.num_computed;
  }

  // Samples a token behind those that are computed, and one behind each draft token that is right.
  template <class F>
  void Decode(int rank, Sequence& s, int64_t drafts, StepCounts& counted, StepResult& result,
              F stop_early) {
    const int64_t end = s.num_computed + (drafts > 0 ? drafts + 1 : 0);
    if (drafts > 0) ComputeNext(rank, s);
    ++counted.sampled_tokens;
    s.may_guess = false;
    bool ends = Sample(s, result, stop_early);
    while (s.num_computed < end && !ends && s.num_computed % 3 != 0) {
      ComputeNext(rank, s);
      ends = Sample(s, result, stop_early);
    }
    num_drafts_ += drafts;
    for (int64_t p = s.num_computed; p < end; ++p) {  // wrong ones
      std::vector<int32_t>& held = held_[rank][s.pages[p / kKvBlock]];
      held.resize(p % kKvBlock);
      held.push_back(-1);
    }
    if (ends) {
      result.add_finished()->set_id(s.id);
    } else if (limits_.drafts.of_sequence > 0 && s.num_computed % 5 != 0) {
      s.may_guess = true;
      Draft& draft = *result.add_drafts();
      draft.set_id(s.id);
      draft.set_num_right(static_cast<int>(s.num_computed % 9));
    }
  }

  // Returns whether the sequence ends with the token.
  template <class F>
  static bool Sample(Sequence& s, StepResult& result, F stop_early) {
    ++s.num_sampled;
    s.tokens.push_back(1000 + s.tokens.back() % 7);
    SampledToken& sampled = *result.add_sampled();
    sampled.set_id(s.id);
    sampled.set_token(s.tokens.back());
    return s.num_sampled == s.max_tokens || stop_early(s.id, s.num_sampled);
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

  // So many that the last one is among them, as they are counted from 0.
  int64_t PagesOn(int rank) const {
    int32_t last = -1;
    for (const auto& [id, s] : running_) {
      if (s.rank != rank) continue;
      for (const int32_t page : s.pages) last = std::max(last, page);
    }
    return int64_t{last} + 1;
  }

  Limits limits_;
  Scheduler scheduler_;
  std::map<int64_t, Sequence> running_;
  std::map<int64_t, int> named_homes_;  // of the requests that name theirs
  std::vector<int64_t> requested_;      // ascending
  std::vector<int64_t> admitted_;
  std::vector<int64_t> admitted_now_;                          // in the step at hand
  std::vector<std::map<int32_t, std::vector<int32_t>>> held_;  // [ranks] by page
  int64_t num_computed_ = 0;
  int64_t num_steps_ = 0;
  int64_t num_drafts_ = 0;
  int64_t num_preemptions_ = 0;
};

}  // namespace octet::scheduler_steps

#endif  // OCTET_TESTS_SUPPORT_FAKE_RANKS_H_
