#include "runtime/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/cpu/cpu_backend.h"
#include "tests/support/local_ranks.h"
#include "tests/support/rank_model.h"

namespace octet {
namespace {

constexpr int kMaxTokens = 128;  // of prompt and answer
constexpr int64_t kPages = 64;

std::vector<int32_t> Prompt(int length, int first) {
  std::vector<int32_t> ids = {1};
  for (int i = 1; i < length; ++i) ids.push_back((first + 37 * i) % 2000 + 3);
  return ids;
}

// One token and several pages, greedy and drawn, with and without seed and logprobs.
std::vector<NewSequence> Requests() {
  std::vector<NewSequence> requests;
  const int lengths[] = {1, 5, 33, 70, 2, 31, 8};
  for (int i = 0; i < std::ssize(lengths); ++i) {
    requests.push_back(GreedyRequest(i, Prompt(lengths[i], 100 * i), 3 + 2 * (i % 4)));
    SamplingParams& params = *requests.back().mutable_params();
    params.set_num_logprobs(i % 3 == 0 ? 3 : i % 3 - 2);
    params.set_temperature(i % 2 == 0 ? 0 : 0.5F + static_cast<float>(i) / 5);
    params.set_has_seed(i % 4 == 3);
    params.set_seed(i);
    params.set_ignore_eos(i != 4);
  }
  return requests;
}

std::vector<std::string> Serialized(const std::vector<FinishedSequence>& finished) {
  std::vector<std::string> messages;
  for (const FinishedSequence& f : finished) messages.push_back(f.SerializeAsString());
  return messages;
}

struct Mode {
  int ranks;
  const char* placement;
  int threads;
  int64_t max_num_seqs;
  int64_t max_num_batched_tokens;
};

constexpr Mode kModes[] = {
    {1, "contiguous", 3, 64, 64},   {1, "contiguous", 1, 1, 7},    {1, "contiguous", 3, 3, 2048},
    {2, "contiguous", 1, 3, 7},     {2, "round-robin", 1, 64, 1},  {2, "random:1", 3, 64, 64},
    {3, "round-robin", 1, 3, 2048}, {3, "random:2", 1, 64, 7},     {5, "contiguous", 1, 1, 64},
    {5, "random:3", 1, 64, 2048},   {8, "round-robin", 1, 3, 64},  {8, "random:4", 1, 64, 7},
    {8, "contiguous", 3, 64, 2048}, {11, "contiguous", 1, 64, 64},
};

class EngineTest : public testing::Test {
 protected:
  std::vector<FinishedSequence> Run(const Mode& mode, DType dtype,
                                    const std::vector<NewSequence>& requests) {
    const RankModelOptions options = {.dtype = dtype,
                                      .placement = mode.placement,
                                      .max_tokens = kMaxTokens,
                                      .threads = mode.threads};
    const SchedulerLimits limits = {.max_num_seqs = mode.max_num_seqs,
                                    .max_num_batched_tokens = mode.max_num_batched_tokens,
                                    .pages_per_rank = kPages};
    return RunEngine(mode.ranks, model_, options, limits, requests);
  }

  void ExpectTheSameInEveryMode(DType dtype) {
    const std::vector<NewSequence> requests = Requests();
    const auto expected = Serialized(Run({1, "contiguous", 1, 64, 2048}, dtype, requests));
    ASSERT_EQ(expected.size(), requests.size());
    for (const Mode& mode : kModes) {
      EXPECT_EQ(Serialized(Run(mode, dtype, requests)), expected)
          << mode.ranks << " ranks, " << mode.placement << ", " << mode.threads << " threads, "
          << mode.max_num_seqs << " sequences, " << mode.max_num_batched_tokens << " tokens";
    }
  }

  static constexpr Mode kPlain = {1, "contiguous", 1, 64, 2048};
  PosixFileSystem files_;
  const ModelFiles model_ = OpenModelOrDie(files_, OCTET_SOURCE_DIR "/launch/demo/model");
};

TEST_F(EngineTest, TheSameBytesInEveryModeOfFloat32) { ExpectTheSameInEveryMode(DType::kF32); }

TEST_F(EngineTest, TheSameBytesInEveryModeOfBfloat16) { ExpectTheSameInEveryMode(DType::kBF16); }

TEST_F(EngineTest, AnswersHaveWhatWasAskedFor) {
  const std::vector<NewSequence> requests = Requests();
  const auto finished = Run(kPlain, DType::kF32, requests);
  ASSERT_EQ(finished.size(), requests.size());
  for (size_t i = 0; i < requests.size(); ++i) {
    const SamplingParams& params = requests[i].params();
    const FinishedSequence& f = finished[i];
    EXPECT_EQ(f.id(), static_cast<int64_t>(i));
    EXPECT_LE(f.token_ids_size(), params.max_tokens());
    if (params.ignore_eos()) {
      EXPECT_EQ(f.token_ids_size(), params.max_tokens());
      EXPECT_EQ(f.finish_reason(), LENGTH);
    }
    const bool with_logprobs = params.num_logprobs() >= 0;
    EXPECT_EQ(f.logprobs_size(), with_logprobs ? f.token_ids_size() : 0);
    EXPECT_EQ(f.top_logprobs_size(), with_logprobs ? f.token_ids_size() : 0);
    for (const TopLogprobs& top : f.top_logprobs()) {
      EXPECT_EQ(top.token_ids_size(), params.num_logprobs());
      EXPECT_EQ(top.logprobs_size(), params.num_logprobs());
    }
    for (const float logprob : f.logprobs()) EXPECT_LE(logprob, 0);
  }
}

// An answer is a function of its request: company, order and id change nothing.
TEST_F(EngineTest, AnAnswerDoesNotDependOnOtherRequests) {
  std::vector<NewSequence> requests = Requests();
  const auto together = Run(kPlain, DType::kF32, requests);
  std::reverse(requests.begin(), requests.end());
  EXPECT_EQ(Serialized(Run({2, "round-robin", 1, 3, 40}, DType::kF32, requests)),
            Serialized(together));
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
  NewSequence request = GreedyRequest(0, Prompt(4, 7), 12);
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
  NewSequence request = GreedyRequest(0, Prompt(9, 7), 12);
  request.set_line(41);
  request.set_choice(2);
  request.mutable_params()->set_temperature(2);
  const auto ids = Run(kPlain, DType::kF32, {request})[0].token_ids();
  std::vector<int32_t> tokens = Prompt(9, 7);
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
  NewSequence request = GreedyRequest(0, Prompt(6, 1), 10);
  const auto free_run = Run(kPlain, DType::kF32, {request});
  const auto& ids = free_run[0].token_ids();
  ModelFiles other = OpenModelOrDie(files_, OCTET_SOURCE_DIR "/launch/demo/model");
  const auto first = std::find(ids.begin(), ids.end(), ids.Get(4)) - ids.begin();
  other.config.eos_token_ids = {2, ids.Get(4)};
  const auto run = [&](bool ignore_eos, int max_tokens) {
    request.mutable_params()->set_ignore_eos(ignore_eos);
    request.mutable_params()->set_max_tokens(max_tokens);
    return RunEngine(1, other, {.max_tokens = kMaxTokens}, {.pages_per_rank = kPages},
                     {request})[0];
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

// Counts what the workspace and the caches take.
class CountingBackend : public CpuBackend {
 public:
  CountingBackend() : CpuBackend(SupportedIsas().back(), 1) {}
  Buffer Allocate(size_t bytes) override {
    ++num_allocations_;
    return CpuBackend::Allocate(bytes);
  }
  int num_allocations() const { return num_allocations_; }

 private:
  int num_allocations_ = 0;
};

// Engines that the test steps itself, on ranks of this process.
class SteppedEngineTest : public EngineTest {
 protected:
  template <class F>
  void RunRanks(int num_ranks, const SchedulerLimits& limits, F f) {
    RunLocalRanks(num_ranks, [&](Communicator& comm) {
      CountingBackend backend;
      const auto placement =
          ExpertPlacement::Parse("round-robin",
                                 {model_.config.num_layers, model_.config.num_experts, num_ranks})
              .value();
      const ModelWeights weights =
          LoadWeights(model_.tensors, model_.config, placement, comm.rank(), backend, DType::kF32,
                      [](uint64_t, uint64_t) {})
              .value();
      EngineOptions options = {.limits = limits, .max_model_len = kMaxTokens};
      options.limits.num_ranks = num_ranks;
      Engine engine(comm, backend, model_.config, weights, placement, options);
      f(comm, backend, engine);
    });
  }
};

TEST_F(SteppedEngineTest, ASteadyDecodeStepTakesNoMemory) {
  const SchedulerLimits limits = {.max_num_batched_tokens = 64, .pages_per_rank = kPages};
  RunRanks(2, limits, [](Communicator& comm, CountingBackend& backend, Engine& engine) {
    if (comm.rank() == 0) {
      for (int i = 0; i < 4; ++i) engine.Submit(GreedyRequest(i, Prompt(20, i), 60));
    }
    std::vector<FinishedSequence> finished;
    for (int step = 0; step < 5; ++step) engine.Step(finished);
    const int before = backend.num_allocations();
    for (int step = 0; step < 40; ++step) engine.Step(finished);
    EXPECT_EQ(backend.num_allocations(), before);
    EXPECT_TRUE(finished.empty());
    while (engine.Step(finished)) {
    }
    EXPECT_EQ(backend.num_allocations(), before);
  });
}

TEST_F(SteppedEngineTest, CountsAndGivesBack) {
  const SchedulerLimits limits = {.max_num_batched_tokens = 20, .pages_per_rank = kPages};
  RunRanks(2, limits, [&](Communicator& comm, CountingBackend&, Engine& engine) {
    if (comm.rank() == 0) {
      engine.Submit(GreedyRequest(0, Prompt(25, 0), 4));  // 3 steps of its rank's 10 tokens
      engine.Submit(GreedyRequest(1, Prompt(3, 0), 2));
      EXPECT_EQ(engine.num_waiting(), 2);
    }
    std::vector<FinishedSequence> finished;
    while (engine.Step(finished)) {
    }
    EXPECT_EQ(engine.kv_cache().num_free_pages(), kPages);
    for (int l = 0; l < model_.config.num_layers; ++l) {
      const auto tokens = engine.expert_load().tokens(l);
      // Every token computed went to two experts; an answer's last one is not computed.
      EXPECT_EQ(std::accumulate(tokens.begin(), tokens.end(), int64_t{0}), 2 * (25 + 3 + 3 + 1));
    }
    if (comm.rank() != 0) {
      EXPECT_TRUE(finished.empty());
      return;
    }
    EXPECT_EQ(finished.size(), 2U);
    EXPECT_EQ(engine.stats().steps, 6);
    EXPECT_EQ(engine.stats().prompt_tokens, 28);
    EXPECT_EQ(engine.stats().sampled_tokens, 6);
    EXPECT_EQ(engine.stats().decode_sampled_tokens, 3);
  });
}

TEST_F(SteppedEngineTest, StopEndsAllRanks) {
  RunRanks(3, {.pages_per_rank = kPages}, [](Communicator& comm, CountingBackend&, Engine& engine) {
    if (comm.rank() == 0) engine.Submit(GreedyRequest(0, Prompt(5, 0), 50));
    std::vector<FinishedSequence> finished;
    EXPECT_TRUE(engine.Step(finished));
    if (comm.rank() == 0) engine.Stop();
    EXPECT_FALSE(engine.Step(finished));
    EXPECT_TRUE(finished.empty());
  });
}

TEST_F(SteppedEngineTest, RequestsMayComeWhileOthersRun) {
  const auto expected = Run(kPlain, DType::kF32, Requests());
  RunRanks(2, {.pages_per_rank = kPages},
           [&](Communicator& comm, CountingBackend&, Engine& engine) {
             std::vector<NewSequence> requests = Requests();
             std::reverse(requests.begin(), requests.end());
             std::vector<FinishedSequence> finished;
             do {
               if (comm.rank() != 0 || requests.empty()) continue;
               engine.Submit(requests.back());
               requests.pop_back();
             } while (engine.Step(finished));
             if (comm.rank() != 0) return;
             std::sort(finished.begin(), finished.end(),
                       [](const auto& a, const auto& b) { return a.id() < b.id(); });
             EXPECT_EQ(Serialized(finished), Serialized(expected));
           });
}

}  // namespace
}  // namespace octet
