#include "runtime/replay/replayed_job.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <limits>

#include "runtime/model/kv_cache.h"
#include "runtime/model/mixtral.h"

namespace octet {

absl::StatusOr<ReplayedJob> ReplayedJob::Make(const TokenTable& table, SchedulerLimits limits,
                                              HomePolicy homes, int copies) {
  int64_t longest = 0;
  for (const TracedAnswer& answer : table.answers) {
    if (answer.prompt_tokens == 0) {
      return absl::InvalidArgumentError(absl::StrCat("does not say how long the prompt of line ",
                                                     answer.line,
                                                     " is: it was recorded by an earlier version"));
    }
    longest = std::max(longest, answer.num_tokens + 1);
  }
  const int64_t pages = KvCache::PagesFor(longest);
  if (limits.pages.front() == 0) {
    // Sequences that run leave an eighth of their number free.
    for (int r = 0; r < limits.num_ranks(); ++r) {
      limits.pages[r] = (limits.SlotsOf(r) + 1) * (pages + 1);
    }
  }
  if (pages > *std::ranges::min_element(limits.pages)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a request of ", longest, " tokens has no room in the KV cache of a rank"));
  }
  ReplayedJob job(table, limits, homes);
  for (int copy = 0; copy < copies; ++copy) {
    for (const TracedAnswer& answer : table.answers) {
      const int64_t prompt = std::min(answer.prompt_tokens, answer.num_tokens);
      NewSequence request;
      request.set_id(std::ssize(job.sequences_));
      for (int64_t i = 0; i < prompt; ++i) request.add_prompt_ids(job.TokenAt(request.id(), i));
      SamplingParams& params = *request.mutable_params();
      params.set_max_tokens(static_cast<int32_t>(answer.num_tokens - prompt + 1));
      params.set_num_prompt_logprobs(-1);
      job.sequences_.push_back(
          {.prompt_tokens = prompt, .tokens = answer.num_tokens + 1, .known = prompt});
      job.scheduler_.Add(std::move(request));
    }
  }
  job.step_.ranks.resize(limits.num_ranks());
  job.step_.micro_batches.resize(limits.num_ranks());
  return job;
}

const ReplayedStep* ReplayedJob::Next() {
  if (scheduler_.idle()) return nullptr;
  const std::span<RankStep> steps = scheduler_.NextStep();
  step_.counts = scheduler_.step_counts();
  StepResult result;
  for (int r = 0; r < std::ssize(steps); ++r) {
    most_pages_[r] = std::max(most_pages_[r], limits_.pages[r] - scheduler_.num_free_pages(r));
    Compute(r, steps[r], result);
  }
  scheduler_.Finish(result);
  return &step_;
}

// Returns a number that stands for the token: the same for tokens that were found in each other's
// pages, behind the same ones.
int32_t ReplayedJob::TokenAt(int64_t sequence, int64_t position) const {
  const auto answers = std::ssize(table_.answers);
  const int64_t row = table_.answers[sequence % answers].first_row + position;
  const bool is_known = row < std::ssize(table_.origins);
  const int64_t number =
      (is_known ? table_.origins[row] : row) + sequence / answers * table_.num_tokens();
  return static_cast<int32_t>(number % std::numeric_limits<int32_t>::max());
}

void ReplayedJob::Compute(int rank, const RankStep& step, StepResult& result) {
  std::vector<ReplayedChunk>& chunks = step_.ranks[rank];
  chunks.clear();
  step_.micro_batches[rank] = step.overlap() ? kMaxMicroBatches : 1;
  for (const Chunk& chunk : step.chunks()) {
    Sequence& s = sequences_[chunk.id()];
    s.computed = int64_t{chunk.first_position()} + chunk.num_tokens();
    const bool samples = s.computed == s.known;
    chunks.push_back({.sequence = chunk.id(),
                      .position = chunk.first_position(),
                      .num_tokens = chunk.num_tokens(),
                      .samples = samples});
    if (!samples) continue;
    SampledToken& sampled = *result.add_sampled();
    sampled.set_id(chunk.id());
    sampled.set_token(TokenAt(chunk.id(), s.known++));
  }
  for (const ReplayedChunk& chunk : chunks) {
    const Sequence& s = sequences_[chunk.sequence];
    if (s.known < s.tokens) continue;
    result.add_finished()->set_id(chunk.sequence);
  }
}

int64_t ReplayedJob::RowOf(int64_t sequence, int64_t position) const {
  const auto answers = std::ssize(table_.answers);
  const int64_t copy = sequence / answers;
  const TracedAnswer& from = table_.answers[(sequence % answers + copy) % answers];
  return from.first_row + position % from.num_tokens;
}

}  // namespace octet
