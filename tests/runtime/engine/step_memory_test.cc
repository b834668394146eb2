// What a step is planned to take is what it takes: on an emulated CUDA device.

#include "runtime/engine/step_memory.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

#include "kernels/cpu/make_cpu_backend.h"
#include "kernels/cuda/cuda_runtime.h"
#include "tests/cuda_emu/device_memory.h"

namespace octet {
namespace {

constexpr int64_t kSequences = 7;  // fewer than the blocks that fill the device
constexpr int64_t kLongContext = 700;

ModelConfig SmallModel() {
  return {.vocab_size = 64,
          .hidden_size = 64,
          .intermediate_size = 64,
          .num_layers = 1,
          .num_heads = 64,
          .num_kv_heads = 1,
          .head_dim = 128};
}

EngineOptions OptionsFor(int64_t max_model_len, bool is_on_host = false) {
  return {
      .dtype = DType::kBF16,
      .is_on_host = is_on_host,
      .limits = {.max_num_seqs = kSequences, .max_num_batched_tokens = kSequences, .pages = {64}},
      .max_model_len = max_model_len};
}

size_t ScratchFor(int64_t max_model_len, bool is_on_host = false) {
  return StepMemory(SmallModel(), OptionsFor(max_model_len, is_on_host)).scratch;
}

TEST(StepMemory, LongContextsOnDevicesHaveSplitsOfAttention) {
  EXPECT_GT(ScratchFor(kLongContext), ScratchFor(kAttentionSplit));
  EXPECT_EQ(ScratchFor(kLongContext, true), ScratchFor(kAttentionSplit, true));
  const size_t most = ScratchFor(int64_t{1} << 20);
  EXPECT_GE(most, static_cast<size_t>(kMostSplitBytes));
  EXPECT_EQ(ScratchFor(int64_t{1} << 24), most);
}

// Tokens of one sequence are decoded, each as a batch's sequence of its own.
TEST(StepMemory, AttentionToALongContextTakesNoOtherMemory) {
  const ModelConfig model = SmallModel();
  const std::unique_ptr<Backend> backend =
      MakeCudaBackend(0, MakeCpuBackend(SupportedIsas().front(), 1));
  backend->ReserveScratch(ScratchFor(kLongContext));
  std::vector<int32_t> pages((kLongContext + kKvBlock - 1) / kKvBlock);
  std::iota(pages.begin(), pages.end(), 0);
  const size_t page_bytes = KvBlocks::HeadBytes(model.head_dim, DType::kBF16);
  const Buffer cache = backend->Allocate(pages.size() * page_bytes);
  const KvBlocks kv = {cache.data(), page_bytes, DType::kBF16, model.num_kv_heads, model.head_dim};
  const int64_t cols = int64_t{model.num_heads} * model.head_dim;
  const Buffer memory = backend->Allocate(2 * kSequences * cols * sizeof(float));
  const Matrix both = {memory.data(), DType::kF32, 2 * kSequences, cols, cols};
  const auto attend = [&](int64_t position) {
    std::vector<SequenceSpan> spans;
    spans.reserve(kSequences);
    for (int64_t i = 0; i < kSequences; ++i) spans.push_back({i, 1, position, pages});
    backend->Attention(both.Rows(0, kSequences), spans, kv, 0, both.Rows(kSequences, kSequences));
    backend->Synchronize();
  };
  attend(kAttentionSplit - 1);
  const size_t num_allocations = cuda_emu::DeviceMemory::OfDevice().num_allocations();
  attend(kLongContext - 1);
  EXPECT_EQ(cuda_emu::DeviceMemory::OfDevice().num_allocations(), num_allocations);
}

}  // namespace
}  // namespace octet
