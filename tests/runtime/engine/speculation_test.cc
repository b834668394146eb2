// Engines with draft tokens give the bytes of engines without, in fewer steps.

#include <gmock/gmock.h>

#include <random>

#include "tests/support/engine_fixture.h"
#include "tests/support/grammar_texts.h"

namespace octet::engine_runs {
namespace {

constexpr int32_t kEnd = 2;

// A prompt that says the same several times, so that there is much to guess.
std::vector<int32_t> RepeatingPrompt(int period, int length, int first) {
  const std::vector<int32_t> text = PromptIds(period + 1, first);
  std::vector<int32_t> ids = {1};
  while (std::ssize(ids) < length) ids.push_back(text[1 + std::ssize(ids) % period]);
  return ids;
}

// Requests with everything that decides how an answer goes on and where it ends. A bias towards few
// tokens makes some of them repeat themselves.
std::vector<NewSequence> RepeatingRequests(uint32_t seed, int count) {
  std::mt19937 random(seed);
  const auto draw = [&](int least, int most) {
    return least + static_cast<int>(random() % (most - least + 1));
  };
  std::vector<NewSequence> requests;
  for (int id = 0; id < count; ++id) {
    const auto prompt = RepeatingPrompt(draw(1, 9), draw(1, 80), 100 * draw(0, 2));
    NewSequence request = GreedyRequest(id, prompt, draw(1, 40));
    request.set_choice(draw(0, 2));
    SamplingParams& params = *request.mutable_params();
    if (draw(0, 1) == 0) params.set_temperature(0.2F + 0.3F * static_cast<float>(draw(0, 4)));
    if (draw(0, 2) == 0) params.set_top_p(0.9F);
    params.set_has_seed(draw(0, 3) == 0);
    params.set_num_logprobs(draw(-1, 2));
    params.set_ignore_eos(draw(0, 1) == 0);
    params.set_min_tokens(draw(0, 1) * draw(0, params.max_tokens()));
    if (draw(0, 5) == 0) params.set_num_prompt_logprobs(draw(0, 2));
    if (draw(0, 5) == 0) params.set_repetition_penalty(1.2F);
    if (draw(0, 5) == 0) params.set_frequency_penalty(0.3F);
    if (draw(0, 3) == 0) params.add_stop(draw(0, 1) == 0 ? "and" : "e t");
    if (draw(0, 5) == 0) params.add_stop_token_ids(300);
    for (int i = draw(0, 1) * draw(1, 3); i > 0; --i) {
      LogitBias& bias = *params.add_logit_bias();
      bias.set_token_id(i == 3 ? kEnd : 300 + i);
      bias.set_bias(i == 3 ? 4 : 9);
    }
    if (draw(0, 5) == 0) params.add_bad_words()->mutable_ids()->Add(301);
    if (draw(0, 5) == 0) *params.mutable_constraint() = RegexConstraint("(ab|abc)*d\n");
    requests.push_back(request);
  }
  return requests;
}

struct DraftedMode {
  Mode mode;
  DraftLimits drafts;
  bool prefix_cache = false;
};

constexpr DraftLimits kCheap = {.of_sequence = 8, .only_cheap = true, .num_experts = 8, .topk = 2};

constexpr DraftedMode kDraftedModes[] = {
    {{1, "contiguous", 1, 64, 2048}, {.of_sequence = 1}},
    {{1, "contiguous", 2, 64, 2048}, {.of_sequence = DraftLimits::kMost}},  // blocks of logits
    {{1, "contiguous", 3, 5, 40}, {.of_sequence = 3}, true},
    {{1, "contiguous", 1, 64, 100, 0, 6}, {.of_sequence = 8}, true},  // preemption
    {{1, "contiguous", 1, 3, 2048}, kCheap, true},
    {{2, "round-robin", 1, 64, 64}, {.of_sequence = 5}},
    {{2, "random:1", 1, 8, 2048, 1, 5}, kCheap, true},
    {{2, "contiguous", 1, 64, 100, 0, kPages, 1}, {.of_sequence = 7}},  // overlap
    {{3, "random:2", 1, 64, 30, 0, 4}, {.of_sequence = 4}, true},
    {{4, "random:3", 1, 64, 200, 2, 5, 1}, {.of_sequence = 6}, true},
    {{4, "contiguous", 1, 64, 2048, 0, kPages, 0, 2}, kCheap},
};

class SpeculationTest : public EngineFixture {
 protected:
  std::vector<FinishedSequence> RunDrafted(const DraftedMode& m, DType dtype,
                                           const std::vector<NewSequence>& requests) {
    const Mode& mode = m.mode;
    RankModelOptions options = {.dtype = dtype,
                                .placement = mode.placement,
                                .max_tokens = kMaxTokens,
                                .threads = mode.threads,
                                .ep_size = mode.ep_size,
                                .hosts = mode.hosts};
    options.before_step = [&](Engine& engine, int) { steps_ = engine.stats().steps; };
    const SchedulerLimits limits = {.max_num_seqs = mode.max_num_seqs,
                                    .max_num_batched_tokens = mode.max_num_batched_tokens,
                                    .pages = {mode.pages},
                                    .overlap_tokens = mode.overlap_tokens,
                                    .prefix_cache = m.prefix_cache,
                                    .drafts = m.drafts};
    stats_ = {};
    return RunEngine(mode.ranks, model_, options, limits, requests, nullptr, &stats_);
  }

  int64_t steps_ = 0;  // of the latest run
  SchedulerStats stats_;
};

TEST_F(SpeculationTest, TheSameBytesInEveryMode) {
  uint32_t seed = 0;
  int64_t accepted = 0;
  int64_t rejected = 0;
  int64_t preemptions = 0;
  for (const DraftedMode& m : kDraftedModes) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      const std::vector<NewSequence> requests = RepeatingRequests(seed++, 24);
      const auto expected = Serialized(Run(kPlain, dtype, requests));
      EXPECT_EQ(Serialized(RunDrafted(m, dtype, requests)), expected)
          << m.mode.ranks << " ranks, " << m.mode.placement << ", " << m.drafts.of_sequence;
      EXPECT_GT(stats_.accepted_tokens, 10) << m.mode.ranks << ' ' << m.drafts.of_sequence;
      accepted += stats_.accepted_tokens;
      rejected += stats_.draft_tokens - stats_.accepted_tokens;
      preemptions += stats_.preemptions;
    }
  }
  EXPECT_GT(accepted, 1000);
  EXPECT_GT(rejected, 1000);
  EXPECT_GT(preemptions, 10);
}

// An answer that repeats itself: each accepted token is a step fewer.
TEST_F(SpeculationTest, FewerStepsWhereTextRepeats) {
  NewSequence request = GreedyRequest(0, RepeatingPrompt(6, 60, 0), 60);
  LogitBias& bias = *request.mutable_params()->add_logit_bias();
  bias.set_token_id(300);
  bias.set_bias(50);
  const auto expected = Serialized(RunDrafted({kPlain, {}}, DType::kF32, {request}));
  EXPECT_EQ(steps_, 60);
  EXPECT_EQ(stats_.draft_tokens, 0);
  for (const DraftLimits& drafts : {DraftLimits{.of_sequence = 8}, kCheap}) {
    const auto answers = RunDrafted({kPlain, drafts}, DType::kF32, {request});
    EXPECT_EQ(Serialized(answers), expected);
    EXPECT_EQ(steps_, 60 - stats_.accepted_tokens);
    EXPECT_LE(steps_, 30);
  }
}

// Alone, a row of a guess costs more than it brings unless it is probable: text that does not
// repeat is computed as without.
TEST_F(SpeculationTest, NothingIsGuessedWhereItDoesNotPay) {
  NewSequence request = GreedyRequest(0, PromptIds(60, 0), 60);
  request.mutable_params()->set_temperature(1.5F);
  RunDrafted({kPlain, kCheap}, DType::kF32, {request});
  EXPECT_EQ(steps_, 60);
  EXPECT_EQ(stats_.draft_tokens, 0);
}

}  // namespace
}  // namespace octet::engine_runs
