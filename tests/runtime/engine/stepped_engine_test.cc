// Single steps of an engine: what they take, count and give back.

#include <algorithm>
#include <numeric>

#include "kernels/cpu/cpu_backend.h"
#include "kernels/cpu/isa.h"
#include "parallel/transport/collectives.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/local_ranks.h"

namespace octet::engine_runs {
namespace {

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
class SteppedEngineTest : public EngineFixture {
 protected:
  template <class F>
  void RunRanks(int num_ranks, int64_t max_num_batched_tokens, F f) {
    RunLocalRanks(num_ranks, [&](Communicator& comm) {
      CountingBackend backend;
      const ModelConfig& config = model_.config;
      const auto placement =
          ExpertPlacement::Parse("round-robin", {config.num_layers, config.num_experts, num_ranks})
              .value();
      ModelWeights weights =
          LoadWeightsAlone(model_.tensors, config, placement, comm.rank(), backend, DType::kF32)
              .value();
      const EngineOptions options = {.limits = {.max_num_batched_tokens = max_num_batched_tokens,
                                                .pages = std::vector<int64_t>(num_ranks, kPages),
                                                .group_size = num_ranks},
                                     .max_model_len = kMaxTokens};
      Engine engine({comm, comm}, backend,
                    {config, weights, placement, model_.tokenizer.get(), model_.tensors}, options);
      f(comm, backend, engine);
    });
  }
};

TEST_F(SteppedEngineTest, ASteadyDecodeStepTakesNoMemory) {
  RunRanks(2, 64, [](Communicator& comm, CountingBackend& backend, Engine& engine) {
    if (comm.rank() == 0) {
      for (int i = 0; i < 4; ++i) engine.Submit(GreedyRequest(i, PromptIds(20, i), 60));
      engine.Close();
      engine.Close();
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
  RunRanks(2, 20, [&](Communicator& comm, CountingBackend&, Engine& engine) {
    if (comm.rank() == 0) {
      engine.Submit(GreedyRequest(0, PromptIds(25, 0), 4));  // 3 steps of its rank's 10 tokens
      engine.Submit(GreedyRequest(1, PromptIds(3, 0), 2));
      EXPECT_EQ(engine.num_waiting(), 2);
      engine.Close();
    }
    std::vector<FinishedSequence> finished;
    while (engine.Step(finished)) {
    }
    EXPECT_EQ(engine.pages_in_use(), 0);
    for (int rank = 0; rank < 2 && comm.rank() == 0; ++rank) {
      EXPECT_EQ(engine.num_free_pages(rank), kPages);
    }
    for (int l = 0; l < model_.config.num_layers; ++l) {
      const auto tokens = engine.expert_load().expert_tokens(l);
      const int64_t mine = std::accumulate(tokens.begin(), tokens.end(), int64_t{0});
      EXPECT_EQ(engine.expert_load().rank_tokens(l), mine);
      // Every token computed went to two experts; an answer's last one is not computed. In the last
      // layer, only those went from which a token was sampled.
      const bool is_last = l + 1 == model_.config.num_layers;
      int64_t all = 0;
      for (const std::string& of_rank : AllGather(comm, {"load"}, std::to_string(mine))) {
        all += std::stoll(of_rank);
      }
      EXPECT_EQ(all, 2 * (is_last ? 4 + 2 : 25 + 3 + 3 + 1));
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
  RunRanks(3, 2048, [](Communicator& comm, CountingBackend&, Engine& engine) {
    if (comm.rank() == 0) engine.Submit(GreedyRequest(0, PromptIds(5, 0), 50));
    std::vector<FinishedSequence> finished;
    EXPECT_TRUE(engine.Step(finished));
    if (comm.rank() == 0) engine.Stop();
    EXPECT_FALSE(engine.Step(finished));
    EXPECT_TRUE(finished.empty());
  });
}

TEST_F(SteppedEngineTest, RequestsMayComeWhileOthersRun) {
  const auto expected = Run(kPlain, DType::kF32, Requests());
  RunRanks(2, 2048, [&](Communicator& comm, CountingBackend&, Engine& engine) {
    std::vector<NewSequence> requests = Requests();
    std::reverse(requests.begin(), requests.end());
    std::vector<FinishedSequence> finished;
    do {
      if (comm.rank() != 0) continue;
      if (requests.empty()) {
        engine.Close();
        continue;
      }
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
}  // namespace octet::engine_runs
