#include "runtime/engine/engine.h"

#include <algorithm>
#include <cmath>

#include "runtime/checkpoint/weight_rounding.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/local_ranks.h"
#include "tests/support/sanitized.h"

namespace octet::engine_runs {
namespace {

constexpr Mode kModes[] = {
    {1, "contiguous", 3, 64, 64},
    {1, "contiguous", 1, 1, 7},
    {1, "contiguous", 3, 3, 2048},
    {2, "contiguous", 1, 3, 7},
    {2, "round-robin", 1, 64, 1},
    {2, "random:1", 3, 64, 64},
    {3, "round-robin", 1, 3, 2048},
    {3, "random:2", 1, 64, 7},
    {5, "contiguous", 1, 1, 64},
    {5, "random:3", 1, 64, 2048},
    {8, "round-robin", 1, 3, 64},
    {8, "random:4", 1, 64, 7},
    {8, "contiguous", 3, 64, 2048},
    {11, "contiguous", 1, 64, 64},
    // Several expert-parallel groups.
    {2, "contiguous", 1, 3, 64, 1},
    {4, "round-robin", 1, 64, 30, 2},
    {6, "random:5", 1, 2, 2048, 3},
    {8, "random:6", 1, 64, 64, 4},
    // Too few pages for all: preemption.
    {1, "contiguous", 1, 64, 64, 0, 4},
    {2, "random:7", 1, 64, 2048, 1, 4},
    {3, "round-robin", 1, 64, 20, 0, 3},
    // Two micro-batches, also where there are fewer tokens than that.
    {1, "contiguous", 2, 64, 64, 0, kPages, 1},
    {2, "round-robin", 1, 64, 2048, 0, kPages, 1},
    {3, "random:8", 1, 3, 7, 0, kPages, 4},
    {8, "contiguous", 1, 64, 64, 0, kPages, 1},
    {4, "random:9", 1, 64, 30, 2, 4, 1},
    // On several hosts, between which tokens go as messages.
    {2, "contiguous", 1, 64, 64, 0, kPages, 0, 2},
    {3, "round-robin", 1, 3, 2048, 0, kPages, 0, 2},
    {8, "random:4", 1, 64, 64, 0, kPages, 0, 3},
    {5, "random:3", 1, 64, 2048, 0, kPages, 1, 2},
    {6, "round-robin", 1, 64, 64, 3, kPages, 4, 2},
};

class EngineTest : public EngineFixture {
 protected:
  void ExpectTheSameInEveryMode(DType dtype, WeightBits bits = WeightBits::kAsStored) {
    ASSERT_TRUE(RoundWeights(bits, model_).ok());
    const std::vector<NewSequence> requests = Requests();
    const auto expected = Serialized(Run({1, "contiguous", 1, 64, 2048}, dtype, requests));
    ASSERT_EQ(expected.size(), requests.size());
    // With sanitizers each mode has its turn with one kind of weights.
    const size_t kind = bits == WeightBits::k4 ? 2 : dtype == DType::kBF16 ? 1 : 0;
    const size_t first = kSanitized ? kind : 0;
    for (size_t i = first; i < std::size(kModes); i += kSanitized ? 3 : 1) {
      const Mode& mode = kModes[i];
      EXPECT_EQ(Serialized(Run(mode, dtype, requests)), expected)
          << mode.ranks << " ranks, " << mode.placement << ", " << mode.threads << " threads, "
          << mode.max_num_seqs << " sequences, " << mode.max_num_batched_tokens << " tokens, "
          << mode.ep_size << " ranks a group, " << mode.pages << " pages, overlap from "
          << mode.overlap_tokens << " tokens, " << mode.hosts << " hosts";
    }
  }
};

TEST_F(EngineTest, TheSameBytesInEveryModeOfFloat32) { ExpectTheSameInEveryMode(DType::kF32); }

TEST_F(EngineTest, TheSameBytesInEveryModeOfBfloat16) { ExpectTheSameInEveryMode(DType::kBF16); }

TEST_F(EngineTest, TheSameBytesInEveryModeOfQuantisedWeights) {
  ExpectTheSameInEveryMode(DType::kBF16, WeightBits::k4);
}

TEST_F(EngineTest, AnswersHaveWhatWasAskedFor) {
  const std::vector<NewSequence> requests = Requests();
  const auto finished = Run(kPlain, DType::kF32, requests);
  ASSERT_EQ(finished.size(), requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    const SamplingParams& params = requests[i].params();
    const FinishedSequence& f = finished[i];
    EXPECT_EQ(f.id(), static_cast<int64_t>(i));
    EXPECT_LE(f.token_ids_size(), params.max_tokens());
    if (params.ignore_eos() && params.stop().empty()) {
      EXPECT_EQ(f.token_ids_size(), params.max_tokens());
      EXPECT_EQ(f.finish_reason(), LENGTH);
    }
    const bool with_logprobs = params.num_logprobs() >= 0;
    EXPECT_EQ(f.logprobs_size(), with_logprobs ? f.token_ids_size() : 0);
    for (const TokenLogprob& token : f.logprobs()) {
      EXPECT_EQ(token.top_ids_size(), params.num_logprobs());
      EXPECT_EQ(token.top_logprobs_size(), params.num_logprobs());
      EXPECT_LE(token.logprob(), 0);
    }
    const bool with_prompt = params.num_prompt_logprobs() >= 0;
    EXPECT_EQ(f.prompt_logprobs_size(), with_prompt ? requests[i].prompt_ids_size() - 1 : 0);
    for (const TokenLogprob& token : f.prompt_logprobs()) {
      EXPECT_EQ(token.top_ids_size(), params.num_prompt_logprobs());
    }
  }
}

// Those of each token of the prompt, also where the prompt is longer than what the head takes at a
// time.
TEST_F(EngineTest, PromptLogprobs) {
  const std::vector<int32_t> prompt = PromptIds(300, 7);
  NewSequence request = GreedyRequest(0, prompt, 1);
  request.mutable_params()->set_num_prompt_logprobs(2);
  RunLocalRanks(1, [&](Communicator& comm) {
    RankModel model(comm, model_, {});
    const std::vector<float> logits = model.Logits(prompt, std::ssize(prompt), 1);
    const int64_t vocab_size = model_.config.vocab_size;
    const auto options = RankModelOptions{.max_tokens = 320};
    const auto f = RunEngine(1, model_, options, {.pages = {kPages}}, {request})[0];
    ASSERT_EQ(f.prompt_logprobs_size(), 299);
    for (int t = 0; t < 299; ++t) {
      const float* row = logits.data() + t * vocab_size;
      double sum = 0;
      for (int64_t i = 0; i < vocab_size; ++i) sum += std::exp(static_cast<double>(row[i]));
      const TokenLogprob& logprob = f.prompt_logprobs(t);
      EXPECT_NEAR(logprob.logprob(), row[prompt[t + 1]] - std::log(sum), 1e-4);
      EXPECT_EQ(logprob.top_ids(0), std::max_element(row, row + vocab_size) - row);
    }
  });
}

// A stop text ends the answer with the token that completes it, wherever tokens divide it.
TEST_F(EngineTest, StopTexts) {
  NewSequence request = GreedyRequest(0, PromptIds(6, 1), 30);
  const FinishedSequence all = Run(kPlain, DType::kF32, {request})[0];
  const std::vector<int32_t> ids(all.token_ids().begin(), all.token_ids().end());
  StreamingDecoder decoder(*model_.tokenizer, PromptIds(6, 1));
  std::vector<std::string> texts;  // of 1, 2, ... tokens
  for (const int32_t id : ids)
    texts.push_back((texts.empty() ? "" : texts.back()) + decoder.Add(id));
  std::vector<NewSequence> requests;
  std::vector<std::string> stops;
  for (const size_t length : {1, 3, 7}) {
    for (size_t offset = 0; offset + length < texts.back().size(); offset += 5) {
      const std::string stop = texts.back().substr(offset, length);
      if (stop[0] < 0 || stop.back() < 0) continue;  // parts of characters
      request.set_id(std::ssize(requests));
      request.mutable_params()->clear_stop();
      request.mutable_params()->add_stop("never in any text");
      request.mutable_params()->add_stop(stop);
      requests.push_back(request);
      stops.push_back(stop);
    }
  }
  const auto finished = Run(kPlain, DType::kF32, requests);
  ASSERT_EQ(finished.size(), stops.size());
  for (size_t i = 0; i < stops.size(); ++i) {
    const std::string& stop = stops[i];
    const FinishedSequence& f = finished[i];
    size_t end = 0;  // the token that completes its first appearance
    while (texts[end].find(stop) == std::string::npos) ++end;
    ASSERT_EQ(f.token_ids_size(), static_cast<int>(end) + 1) << stop;
    EXPECT_EQ(f.finish_reason(), STOP);
    EXPECT_EQ(f.stop_text().index(), 1);
    EXPECT_EQ(f.stop_text().offset(), static_cast<int64_t>(texts[end].find(stop)));
  }
}

TEST_F(EngineTest, StopTokensAndMinTokens) {
  NewSequence request = GreedyRequest(0, PromptIds(6, 1), 30);
  const FinishedSequence all = Run(kPlain, DType::kF32, {request})[0];
  const int32_t stop = all.token_ids(9);
  const auto first = std::find(all.token_ids().begin(), all.token_ids().end(), stop);
  request.mutable_params()->add_stop_token_ids(stop);
  const FinishedSequence stopped = Run(kPlain, DType::kF32, {request})[0];
  EXPECT_EQ(stopped.token_ids_size(), first - all.token_ids().begin() + 1);
  EXPECT_EQ(stopped.finish_reason(), STOP);
  EXPECT_EQ(stopped.stop_token(), stop);
  request.mutable_params()->set_min_tokens(15);
  const FinishedSequence longer = Run(kPlain, DType::kF32, {request})[0];
  EXPECT_GT(longer.token_ids_size(), 15);
  for (int i = 0; i < 15; ++i) EXPECT_NE(longer.token_ids(i), stop);
}

// Where every token would end the answer, none does before min_tokens.
TEST_F(EngineTest, MinTokensHoldsWhereAllTokensAreBanned) {
  for (const float temperature : {0.0F, 0.3F}) {
    NewSequence request = GreedyRequest(0, PromptIds(6, 1), 9);
    SamplingParams& params = *request.mutable_params();
    for (int id = 0; id < model_.config.vocab_size; ++id) params.add_stop_token_ids(id);
    params.set_temperature(temperature);
    params.set_min_tokens(5);
    const FinishedSequence f = Run(kPlain, DType::kF32, {request})[0];
    EXPECT_EQ(f.finish_reason(), STOP);
    EXPECT_EQ(f.token_ids_size(), 5);
  }
}

// An answer is a function of its request: company, order and id change nothing.
TEST_F(EngineTest, AnAnswerDoesNotDependOnOtherRequests) {
  std::vector<NewSequence> requests = Requests();
  const auto together = Run(kPlain, DType::kF32, requests);
  std::vector<NewSequence> reversed(requests.rbegin(), requests.rend());
  for (size_t i = 0; i < reversed.size(); ++i) reversed[i].set_id(static_cast<int64_t>(i));
  auto turned = Run({2, "round-robin", 1, 3, 40}, DType::kF32, reversed);
  std::reverse(turned.begin(), turned.end());
  for (size_t i = 0; i < turned.size(); ++i) turned[i].set_id(static_cast<int64_t>(i));
  EXPECT_EQ(Serialized(turned), Serialized(together));
  for (NewSequence& request : requests) {
    const int64_t id = request.id();
    request.set_id(id + 1000);
    auto alone = Run(kPlain, DType::kF32, {request});
    ASSERT_EQ(alone.size(), 1U);
    alone[0].set_id(id);
    EXPECT_EQ(alone[0].SerializeAsString(), together[id].SerializeAsString()) << id;
  }
}

// Which of seed, line and choice decide is what the architecture says.
TEST_F(EngineTest, DrawsAreKeyed) {
  NewSequence request = GreedyRequest(0, PromptIds(4, 7), 12);
  request.mutable_params()->set_temperature(2);
  const auto ids = [&](auto change) {
    NewSequence changed = request;
    change(changed);
    const auto finished = Run(kPlain, DType::kF32, {changed});
    return std::vector<int32_t>(finished[0].token_ids().begin(), finished[0].token_ids().end());
  };
  const auto seeded = [](NewSequence& r) {
    r.mutable_params()->set_has_seed(true);
    r.mutable_params()->set_seed(5);
  };
  const auto plain = ids([](NewSequence&) {});
  EXPECT_EQ(ids([](NewSequence&) {}), plain);
  EXPECT_NE(ids([](NewSequence& r) { r.set_line(3); }), plain);
  EXPECT_NE(ids([](NewSequence& r) { r.set_choice(1); }), plain);
  EXPECT_NE(ids(seeded), plain);
  // With a seed of its own, the line does not matter.
  EXPECT_EQ(ids([&](NewSequence& r) { seeded(r), r.set_line(3); }), ids(seeded));
  EXPECT_NE(ids([&](NewSequence& r) { seeded(r), r.set_choice(1); }), ids(seeded));
  EXPECT_NE(ids([&](NewSequence& r) { seeded(r), r.mutable_params()->set_seed(6); }), ids(seeded));
  // A longer answer begins with the shorter one.
  const auto longer = ids([](NewSequence& r) { r.mutable_params()->set_max_tokens(20); });
  EXPECT_EQ(std::vector<int32_t>(longer.begin(), longer.begin() + 12), plain);
}

// Token t of an answer is where its key's number falls in the distribution after the prompt and t
// tokens.
TEST_F(EngineTest, DrawsCountPositionsFromTheAnswer) {
  NewSequence request = GreedyRequest(0, PromptIds(9, 7), 12);
  request.set_line(41);
  request.set_choice(2);
  request.mutable_params()->set_temperature(2);
  const auto ids = Run(kPlain, DType::kF32, {request})[0].token_ids();
  std::vector<int32_t> tokens = PromptIds(9, 7);
  tokens.insert(tokens.end(), ids.begin(), ids.end());
  RunLocalRanks(1, [&](Communicator& comm) {
    RankModel model(comm, model_, {});
    const std::vector<float> logits = model.Logits(tokens, std::ssize(tokens), 1);
    for (int t = 0; t < ids.size(); ++t) {
      std::vector<double> sums;  // of probabilities, up to a common factor
      double sum = 0;
      for (int i = 0; i < model_.config.vocab_size; ++i) {
        sums.push_back(sum += std::exp(logits[(8 + t) * model_.config.vocab_size + i] / 2.0));
      }
      const double u = Uniform({.seed = 0, .line = 41, .choice = 2, .position = t});
      const auto token = std::upper_bound(sums.begin(), sums.end(), u * sum) - sums.begin();
      EXPECT_EQ(ids.Get(t), token) << t;
    }
  });
}

// The end token stops an answer unless it is ignored, and is its last token.
TEST_F(EngineTest, EndTokens) {
  NewSequence request = GreedyRequest(0, PromptIds(6, 1), 10);
  const auto free_run = Run(kPlain, DType::kF32, {request});
  const auto& ids = free_run[0].token_ids();
  ModelFiles other = OpenModelOrDie(files_, kDemoModel);
  const auto first = std::find(ids.begin(), ids.end(), ids.Get(4)) - ids.begin();
  other.config.eos_token_ids = {2, ids.Get(4)};
  const auto run = [&](bool ignore_eos, int max_tokens) {
    request.mutable_params()->set_ignore_eos(ignore_eos);
    request.mutable_params()->set_max_tokens(max_tokens);
    return RunEngine(1, other, {.max_tokens = kMaxTokens}, {.pages = {kPages}}, {request})[0];
  };
  const auto count = static_cast<int>(first) + 1;
  for (const int max_tokens : {10, count}) {
    const FinishedSequence stopped = run(false, max_tokens);
    EXPECT_EQ(stopped.finish_reason(), STOP);
    ASSERT_EQ(stopped.token_ids_size(), count);
    EXPECT_EQ(stopped.token_ids(count - 1), ids.Get(4));
    EXPECT_EQ(stopped.logprobs_size(), count);
  }
  EXPECT_EQ(run(true, 10).SerializeAsString(), free_run[0].SerializeAsString());
  if (count > 1) {
    EXPECT_EQ(run(false, count - 1).finish_reason(), LENGTH);
  }
}

TEST_F(EngineTest, NothingToDoIsNoStep) {
  EXPECT_TRUE(Run({3, "contiguous", 1, 4, 16}, DType::kF32, {}).empty());
}

}  // namespace
}  // namespace octet::engine_runs
