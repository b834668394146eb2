// Paged attention on the emulated device, beside arithmetic in double.

#include "kernels/cuda/attention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cuda_emu/emulated_device.h"
#include "tests/kernels/cuda/paged_cache.h"

namespace octet::cuda {
namespace {

using cuda_emu::ComputeWith;
using cuda_emu::DeviceArray;
using cuda_emu::Emulation;
using cuda_emu::ExpectExact;
using cuda_emu::NormalNumbers;
using cuda_emu::TestStream;
using cuda_emu::ViewOf;

constexpr HeadShape kShape = {.heads = 4, .kv_heads = 2, .head_dim = 40};
constexpr int64_t kCols = int64_t{4} * 40;

// Attention of the token at `position` of each sequence, all of whose positions are stored.
cuda_emu::Compute Attend(const PagedCache& cache, const std::vector<int64_t>& positions,
                         int64_t window, const std::vector<float>& q) {
  return [=, &cache](const TestStream& stream) {
    const PagedCache::Stored stored(cache, stream);
    std::vector<DeviceToken> tokens;
    for (size_t s = 0; s < positions.size(); ++s) {
      tokens.push_back({static_cast<int32_t>(positions[s]), cache.PagesOf(stored, s)});
    }
    const DeviceArray<DeviceToken> token_array(tokens, stream);
    const auto rows = std::ssize(tokens);
    const DeviceArray<float> queries(q, stream), y(rows * kCols);
    EXPECT_EQ(Attention(ViewOf(queries, rows, kCols, kCols), token_array.data(), stored.kv, window,
                        ViewOf(y, rows, kCols, kCols), stream),
              cudaSuccess);
    return y.Read(stream);
  };
}

TEST(CudaAttention, IsTheFormula) {
  const std::vector<int64_t> lengths = {1, 33, 128, 300};
  const std::vector<int64_t> positions = {0, 20, 127, 299};
  const std::vector<float> q = NormalNumbers(4 * kCols, 5);
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const PagedCache cache(dtype, kShape, lengths);
    for (const int64_t window : {0, 50, 200}) {
      const std::vector<float> y = ComputeWith(1, Attend(cache, positions, window, q));
      EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
      for (size_t s = 0; s < positions.size(); ++s) {
        const std::vector<double> expected =
            cache.Reference(s, positions[s], window, &q[s * kCols]);
        for (int64_t c = 0; c < kCols; ++c) {
          EXPECT_NEAR(y[s * kCols + c], expected[c], 2e-6) << Name(dtype) << ", window " << window;
        }
      }
    }
  }
}

TEST(CudaAttention, BitsFollowFromTheSequenceAlone) {
  const PagedCache cache(DType::kBF16, kShape, {150, 40});
  const std::vector<float> q = NormalNumbers(2 * kCols, 6);
  const std::vector<float> both = ExpectExact(Attend(cache, {149, 39}, 0, q), 1);
  const std::vector<float> first = ComputeWith(3, Attend(cache, {149}, 0, q));
  EXPECT_EQ(first, std::vector<float>(both.begin(), both.begin() + kCols));
}

}  // namespace
}  // namespace octet::cuda
