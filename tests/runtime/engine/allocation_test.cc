// A program of its own: it replaces operator new to count.

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <cstdlib>
#include <new>

#include "kernels/cpu/make_cpu_backend.h"
#include "tests/support/demo_model.h"
#include "tests/support/local_ranks.h"
#include "tests/support/rank_model.h"

namespace {

std::atomic<int64_t> num_allocations = 0;

void* Allocate(size_t bytes, size_t alignment) {
  ++num_allocations;
  void* memory = std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

[[gnu::noinline]] void* operator new(size_t bytes) {
  return Allocate(bytes, alignof(std::max_align_t));
}
[[gnu::noinline]] void* operator new(size_t bytes, std::align_val_t alignment) {
  return Allocate(bytes, static_cast<size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace octet {
namespace {

NewSequence Request(int64_t id, int max_tokens) {
  NewSequence request =
      GreedyRequest(id, {1, 300, 400, static_cast<int32_t>(500 + id)}, max_tokens);
  SamplingParams& params = *request.mutable_params();
  params.set_num_logprobs(-1);
  if (id % 2 == 1) params.set_temperature(0.8F);
  if (id % 3 == 1) params.set_top_p(0.9F);
  if (id % 3 == 2) params.set_frequency_penalty(0.5F);
  return request;
}

// Other experts than the router's, by line and position.
void OverrideExperts(int layer, const Batch& batch, Routing& routing) {
  for (size_t run = 0; run < batch.spans.size(); ++run) {
    const SequenceSpan& span = batch.spans[run];
    for (int64_t row = span.first_row; row < span.first_row + span.num_rows; ++row) {
      const auto first = batch.lines[run] + batch.positions[row] + layer;
      for (int k = 0; k < routing.topk; ++k) {
        routing.topk_idx[row * routing.topk + k] = static_cast<int32_t>((first + k) % 8);
      }
    }
  }
}

// Ranks, and whether their routing is replaced and recorded; if not, there is a prefix cache.
class AllocationTest : public testing::TestWithParam<std::tuple<int, bool>> {};

// Warm-up: as many steps as it takes to meet every page border once, and routings that are as
// uneven as those that follow.
TEST_P(AllocationTest, ASteadyDecodeStepTakesNoMemory) {
  constexpr int kWarmUp = 200;
  constexpr int kSteps = 100;
  constexpr int kRequests = 8;
  const auto [num_ranks, record_routing] = GetParam();
  PosixFileSystem files;
  const ModelFiles model = OpenModelOrDie(files, kDemoModel);
  const auto placement =
      ExpertPlacement::Parse("round-robin",
                             {model.config.num_layers, model.config.num_experts, num_ranks})
          .value();
  std::barrier all_ranks(num_ranks);
  RunLocalRanks(
      num_ranks, [&, num_ranks = num_ranks, record_routing = record_routing](Communicator& comm) {
        const auto backend = MakeCpuBackend(SupportedIsas().back(), 2);
        ModelWeights weights = LoadWeightsAlone(model.tensors, model.config, placement, comm.rank(),
                                                *backend, DType::kBF16)
                                   .value();
        const EngineOptions options = {
            .dtype = DType::kBF16,
            .limits = {.pages = std::vector<int64_t>(num_ranks, 200),
                       .group_size = num_ranks,
                       .prefix_cache = !record_routing},
            .max_model_len = 512,
            .record_routing = record_routing,
            .override_experts = record_routing ? OverrideExperts : ExpertOverride()};
        Engine engine({comm, comm}, *backend,
                      {model.config, weights, placement, nullptr, model.tensors}, options);
        if (comm.rank() == 0) {
          engine.SetOnRouting([](StepRouting&) {});
          for (int id = 0; id < kRequests; ++id) engine.Submit(Request(id, kWarmUp + kSteps + 10));
          engine.Close();
        }
        std::vector<FinishedSequence> finished;
        const int64_t at_start = num_allocations;
        for (int step = 0; step < kWarmUp; ++step) engine.Step(finished);
        EXPECT_GT(num_allocations, at_start) << "nothing is counted";
        all_ranks.arrive_and_wait();
        const int64_t after_warm_up = num_allocations;
        all_ranks.arrive_and_wait();
        for (int step = 0; step < kSteps; ++step) engine.Step(finished);
        all_ranks.arrive_and_wait();
        EXPECT_EQ(num_allocations, after_warm_up);
        all_ranks.arrive_and_wait();
        EXPECT_TRUE(finished.empty());
        while (engine.Step(finished)) {
        }
        EXPECT_EQ(finished.size(), comm.rank() == 0 ? kRequests : 0U);
      });
}

INSTANTIATE_TEST_SUITE_P(Ranks, AllocationTest,
                         testing::Combine(testing::Values(1, 2, 3), testing::Bool()));

}  // namespace
}  // namespace octet
