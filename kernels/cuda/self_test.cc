#include "kernels/cuda/self_test.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "kernels/base/attention.h"
#include "kernels/base/probe_numbers.h"
#include "kernels/cuda/attention.h"
#include "kernels/cuda/cuda_buffers.h"
#include "kernels/cuda/cuda_check.h"
#include "kernels/cuda/flash_attention.h"
#include "kernels/cuda/grouped_swiglu.h"
#include "kernels/cuda/matmul.h"
#include "kernels/cuda/upload_ring.h"
#include "kernels/cuda/weights.h"

namespace octet::cuda {
namespace {

constexpr size_t kSelfTestRingBytes = size_t{1} << 20;

// A share of the largest value. Both kernels round products to float32, in different orders.
constexpr float kTolerance = 1e-4F;
// What is rounded to bfloat16 between the products of an expert may be rounded to a neighbour.
constexpr float kExpertTolerance = 1e-2F;

class SelfTest {
 public:
  explicit SelfTest(int device) {
    Check(cudaSetDevice(device), "this thread");
    ring_.emplace(stream_, kSelfTestRingBytes);
  }

  // With the tiles for few, some and many rows.
  bool ProductsAgree() {
    constexpr int64_t kInputs = 200;
    constexpr int64_t kOutputs = 72;
    const PackedMatrix w = RandomWeights(kOutputs, kInputs);
    return std::ranges::all_of(std::vector<int64_t>{3, 40, 130}, [&](int64_t rows) {
      const Buffer x = RandomBF16(rows * kInputs);
      return Agree(rows * kOutputs, kTolerance, [&](Path path, float* y) {
        return Matmul(View(x.data(), DType::kBF16, rows, kInputs), w,
                      View(y, DType::kF32, rows, kOutputs), stream_, path);
      });
    });
  }

  bool ExpertsAgree() {
    constexpr int64_t kHidden = 72;
    constexpr int64_t kIntermediate = 48;
    constexpr int64_t kRows = 90;
    const PackedMatrix gate_up = RandomWeights(GateUpRows(kIntermediate), kHidden);
    const PackedMatrix down = RandomWeights(kHidden, kIntermediate);
    const std::vector<DeviceExpert> experts = {{gate_up.buffer.data(), down.buffer.data()}};
    const std::vector<int32_t> offsets = {0, kRows};
    const int64_t tile_rows = RowsOfTile(kRows, 1);
    const std::vector<ExpertTile> tiles = DivideIntoTiles(offsets, tile_rows);
    const Buffer x = RandomBF16(kRows * kHidden);
    const Buffer between = AllocateOnDevice(kRows * kIntermediate * sizeof(BF16), stream_);
    return Agree(kRows * kHidden, kExpertTolerance, [&](Path path, float* y) {
      return GroupedSwiGlu{.x = View(x.data(), DType::kBF16, kRows, kHidden),
                           .rows = nullptr,
                           .tiles = ring_->Upload(std::span(tiles)),
                           .num_tiles = nullptr,
                           .max_tiles = std::ssize(tiles),
                           .tile_rows = tile_rows,
                           .experts = ring_->Upload(std::span(experts)),
                           .between = View(between.data(), DType::kBF16, kRows, kIntermediate),
                           .y = View(y, DType::kF32, kRows, kHidden),
                           .path = path}
          .Compute(stream_);
    });
  }

  // One sequence whose tokens see up to two splits and a part of a third.
  bool AttentionsAgree() {
    constexpr int64_t kHeads = 4;
    constexpr int64_t kTokens = 6;
    constexpr int64_t kContext = 2 * kAttentionSplit + 21;
    constexpr int64_t kPages = (kContext + kKvBlock - 1) / kKvBlock;
    KvBlocks kv = {.dtype = DType::kBF16, .num_kv_heads = 1, .head_dim = 128};
    kv.page_bytes = KvBlocks::HeadBytes(kv.head_dim, kv.dtype);
    const Buffer memory = RandomBF16(kPages * static_cast<int64_t>(kv.page_bytes / sizeof(BF16)));
    kv.pages = memory.data();
    std::vector<int32_t> pages(kPages);
    std::iota(pages.rbegin(), pages.rend(), 0);
    const int32_t* const device_pages = ring_->Upload(std::span(std::as_const(pages)));
    const SequenceSpan span = {.num_rows = kTokens,
                               .start_pos = kContext - kTokens,
                               .pages = {device_pages, static_cast<size_t>(kPages)}};
    std::vector<DeviceToken> tokens;
    tokens.reserve(kTokens);
    for (int32_t i = 0; i < kTokens; ++i) {
      tokens.push_back({static_cast<int32_t>(span.start_pos) + i, device_pages});
    }
    const int64_t tile_tokens = MostTileTokens(kHeads);
    const std::vector<QueryTile> tiles = DivideIntoQueryTiles({&span, 1}, tile_tokens);
    const int64_t cols = kHeads * kv.head_dim;
    const Buffer q = Upload(numbers_.Next(kTokens * cols));
    const ConstMatrix queries = View(q.data(), DType::kF32, kTokens, cols);
    return Agree(kTokens * cols, kTolerance, [&](Path path, float* y) {
      const Matrix to = View(y, DType::kF32, kTokens, cols);
      if (path == Path::kPlain) {
        return Attention(queries, ring_->Upload(std::span(std::as_const(tokens))), kv, 0, to,
                         stream_);
      }
      return FlashAttention{.q = queries,
                            .tiles = ring_->Upload(std::span(tiles)),
                            .num_tiles = std::ssize(tiles),
                            .tile_tokens = tile_tokens,
                            .kv = kv,
                            .window = 0,
                            .max_context = kContext,
                            .partials = nullptr,
                            .tiles_at_a_time = 0,
                            .y = to}
          .Compute(stream_);
    });
  }

 private:
  template <class T>
  Buffer Upload(const std::vector<T>& list) {
    Buffer buffer = AllocateOnDevice(list.size() * sizeof(T), stream_);
    ring_->UploadTo(std::as_bytes(std::span(list)), buffer.data());
    return buffer;
  }

  Buffer RandomBF16(int64_t count) {
    std::vector<BF16> numbers;
    for (const float x : numbers_.Next(count)) numbers.push_back(ToBF16(x));
    return Upload(numbers);
  }

  // [rows, cols], with numbers in the padding, too.
  PackedMatrix RandomWeights(int64_t rows, int64_t cols) {
    return {.buffer = RandomBF16(PaddedRows(rows) * WeightStride(DType::kBF16, cols)),
            .format = WeightFormat::kBF16,
            .rows = rows,
            .cols = cols};
  }

  static Matrix View(void* data, DType dtype, int64_t rows, int64_t cols) {
    return {static_cast<std::byte*>(data), dtype, rows, cols, cols};
  }

  // Whether compute(path, y) gives the same with both paths, but for rounding. y: [count].
  template <class Compute>
  bool Agree(int64_t count, float tolerance, Compute compute) {
    std::vector<float> results[2];
    for (const Path path : {Path::kFastest, Path::kPlain}) {
      const Buffer y = AllocateOnDevice(count * sizeof(float), stream_);
      Check(compute(path, reinterpret_cast<float*>(y.data())), "self-test");
      std::vector<float>& result = results[path == Path::kPlain ? 1 : 0];
      result.resize(count);
      Check(cudaMemcpyAsync(result.data(), y.data(), count * sizeof(float), cudaMemcpyDeviceToHost,
                            stream_),
            "a copy");
      stream_.Wait();
    }
    float largest = 0;
    float error = 0;
    for (int64_t i = 0; i < count; ++i) {
      if (!std::isfinite(results[0][i])) return false;
      largest = std::max(largest, std::abs(results[1][i]));
      error = std::max(error, std::abs(results[0][i] - results[1][i]));
    }
    return largest > 0 && error <= tolerance * largest;
  }

  Stream stream_;
  std::optional<UploadRing> ring_;
  ProbeNumbers numbers_;
};

}  // namespace

TensorCoreUse TestTensorCores(int device) {
  SelfTest test(device);
  return {.products = test.ProductsAgree(),
          .experts = test.ExpertsAgree(),
          .attention = test.AttentionsAgree()};
}

}  // namespace octet::cuda
