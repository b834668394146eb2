// Paged attention on the emulated device, beside arithmetic in double.

#include "kernels/cuda/attention.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

#include "tests/cuda_emu/emulated_device.h"

namespace octet::cuda {
namespace {

using cuda_emu::ComputeWith;
using cuda_emu::DeviceArray;
using cuda_emu::Emulation;
using cuda_emu::ExpectExact;
using cuda_emu::NormalNumbers;
using cuda_emu::TestStream;
using cuda_emu::ViewOf;

constexpr int kHeads = 4;
constexpr int kKvHeads = 2;
constexpr int kHeadDim = 40;
constexpr int64_t kKvCols = kKvHeads * kHeadDim;
constexpr int64_t kCols = kHeads * kHeadDim;

// Sequences whose keys and values are stored page by page, in pages that lie anywhere.
class Cache {
 public:
  Cache(DType dtype, const std::vector<int64_t>& lengths) : dtype_(dtype), lengths_(lengths) {
    int32_t num_pages = 0;
    for (const int64_t length : lengths) {
      first_page_.push_back(num_pages);
      num_pages += static_cast<int32_t>((length + kKvBlock - 1) / kKvBlock);
    }
    pages_.resize(num_pages);
    std::iota(pages_.begin(), pages_.end(), 0);
    std::shuffle(pages_.begin(), pages_.end(), std::mt19937(3));
    const int64_t positions = std::reduce(lengths.begin(), lengths.end());
    keys_ = NormalNumbers(positions * kKvCols, 1);
    values_ = NormalNumbers(positions * kKvCols, 2);
  }

  // Attention of the token at `position` of each sequence, all of whose positions are stored.
  cuda_emu::Compute Attend(const std::vector<int64_t>& positions, int64_t window,
                           const std::vector<float>& q) const {
    return [=, this](const TestStream& stream) {
      const DeviceArray<int32_t> pages(pages_, stream);
      const size_t page_bytes = kKvHeads * KvBlocks::HeadBytes(kHeadDim, dtype_);
      const DeviceArray<std::byte> memory(static_cast<int64_t>(pages_.size() * page_bytes));
      const KvBlocks kv = {memory.data(), page_bytes, dtype_, kKvHeads, kHeadDim};
      Store(pages, kv, stream);
      std::vector<DeviceToken> tokens;
      for (size_t s = 0; s < positions.size(); ++s) {
        tokens.push_back({static_cast<int32_t>(positions[s]), pages.data() + first_page_[s]});
      }
      const DeviceArray<DeviceToken> token_array(tokens, stream);
      const auto rows = std::ssize(tokens);
      const DeviceArray<float> queries(q, stream), y(rows * kCols);
      EXPECT_EQ(Attention(ViewOf(queries, rows, kCols, kCols), token_array.data(), kv, window,
                          ViewOf(y, rows, kCols, kCols), stream),
                cudaSuccess);
      return y.Read(stream);
    };
  }

  // The same in double, for one sequence: [kCols].
  std::vector<double> Reference(size_t sequence, int64_t position, int64_t window,
                                const float* q) const {
    std::vector<double> y(kCols);
    for (int h = 0; h < kHeads; ++h) {
      const int64_t begin = window > 0 ? std::max<int64_t>(0, position - window + 1) : 0;
      double sum = 0;
      for (int64_t p = begin; p <= position; ++p) {
        double dot = 0;
        for (int d = 0; d < kHeadDim; ++d) {
          dot += q[h * kHeadDim + d] * At(keys_, sequence, p, h, d);
        }
        const double weight = std::exp(dot / std::sqrt(kHeadDim));
        sum += weight;
        for (int d = 0; d < kHeadDim; ++d) {
          y[h * kHeadDim + d] += weight * At(values_, sequence, p, h, d);
        }
      }
      for (int d = 0; d < kHeadDim; ++d) y[h * kHeadDim + d] /= sum;
    }
    return y;
  }

 private:
  int64_t FirstRow(size_t sequence) const {
    return std::reduce(lengths_.begin(), lengths_.begin() + static_cast<int64_t>(sequence));
  }

  // As it is stored.
  double At(const std::vector<float>& of, size_t sequence, int64_t position, int head,
            int d) const {
    const int64_t row = FirstRow(sequence) + position;
    const float x = of[row * kKvCols + head / (kHeads / kKvHeads) * kHeadDim + d];
    return dtype_ == DType::kBF16 ? ToFloat(ToBF16(x)) : x;
  }

  void Store(const DeviceArray<int32_t>& pages, const KvBlocks& kv,
             const TestStream& stream) const {
    std::vector<DeviceToken> tokens;
    for (size_t s = 0; s < lengths_.size(); ++s) {
      for (int32_t p = 0; p < lengths_[s]; ++p)
        tokens.push_back({p, pages.data() + first_page_[s]});
    }
    const DeviceArray<DeviceToken> token_array(tokens, stream);
    const DeviceArray<float> keys(keys_, stream), values(values_, stream);
    const auto rows = std::ssize(tokens);
    EXPECT_EQ(StoreKv(ViewOf(keys, rows, kKvCols, kKvCols), ViewOf(values, rows, kKvCols, kKvCols),
                      token_array.data(), kv, stream),
              cudaSuccess);
    EXPECT_EQ(stream.Wait(), cudaSuccess);
  }

  DType dtype_;
  std::vector<int64_t> lengths_;
  std::vector<int32_t> pages_;       // sequence by sequence
  std::vector<int32_t> first_page_;  // of each sequence, in pages_
  std::vector<float> keys_, values_;
};

TEST(CudaAttention, IsTheFormula) {
  const std::vector<int64_t> lengths = {1, 33, 128, 300};
  const std::vector<int64_t> positions = {0, 20, 127, 299};
  const std::vector<float> q = NormalNumbers(4 * kCols, 5);
  for (const DType dtype : {DType::kF32, DType::kBF16}) {
    const Cache cache(dtype, lengths);
    for (const int64_t window : {0, 50, 200}) {
      const std::vector<float> y = ComputeWith(1, cache.Attend(positions, window, q));
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
  const Cache cache(DType::kBF16, {150, 40});
  const std::vector<float> q = NormalNumbers(2 * kCols, 6);
  const std::vector<float> both = ExpectExact(cache.Attend({149, 39}, 0, q), 1);
  const std::vector<float> first = ComputeWith(3, cache.Attend({149}, 0, q));
  EXPECT_EQ(first, std::vector<float>(both.begin(), both.begin() + kCols));
}

}  // namespace
}  // namespace octet::cuda
