// Keys and values of sequences in pages on the emulated device, and attention to them in double.

#ifndef OCTET_TESTS_KERNELS_CUDA_PAGED_CACHE_H_
#define OCTET_TESTS_KERNELS_CUDA_PAGED_CACHE_H_

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "kernels/cuda/attention.h"
#include "tests/cuda_emu/emulated_device.h"

namespace octet::cuda {

struct HeadShape {
  int heads;
  int kv_heads;
  int head_dim;

  int64_t cols() const { return int64_t{heads} * head_dim; }
  int64_t kv_cols() const { return int64_t{kv_heads} * head_dim; }
};

// Sequences whose keys and values are stored page by page, in pages that lie anywhere.
class PagedCache {
 public:
  // On the device, with what StoreKv wrote there; NaNs elsewhere.
  struct Stored {
    Stored(const PagedCache& cache, const cuda_emu::TestStream& stream)
        : pages(cache.pages_, stream),
          memory(static_cast<int64_t>(cache.pages_.size() * cache.page_bytes())),
          kv{memory.data(), cache.page_bytes(), cache.dtype_, cache.shape_.kv_heads,
             cache.shape_.head_dim} {
      cache.Store(*this, stream);
    }

    const cuda_emu::DeviceArray<int32_t> pages;
    const cuda_emu::DeviceArray<std::byte> memory;
    const KvBlocks kv;
  };

  PagedCache(DType dtype, const HeadShape& shape, const std::vector<int64_t>& lengths)
      : dtype_(dtype), shape_(shape), lengths_(lengths) {
    int32_t num_pages = 0;
    for (const int64_t length : lengths) {
      first_page_.push_back(num_pages);
      num_pages += static_cast<int32_t>((length + kKvBlock - 1) / kKvBlock);
    }
    pages_.resize(num_pages);
    std::iota(pages_.begin(), pages_.end(), 0);
    std::shuffle(pages_.begin(), pages_.end(), std::mt19937(3));
    const int64_t positions = std::reduce(lengths.begin(), lengths.end());
    keys_ = cuda_emu::NormalNumbers(positions * shape.kv_cols(), 1);
    values_ = cuda_emu::NormalNumbers(positions * shape.kv_cols(), 2);
  }

  const HeadShape& shape() const { return shape_; }

  // All numbers of the value become this one.
  void SetValue(size_t sequence, int64_t position, float value) {
    const int64_t row = FirstRow(sequence) + position;
    std::fill_n(values_.begin() + row * shape_.kv_cols(), shape_.kv_cols(), value);
  }

  const int32_t* PagesOf(const Stored& stored, size_t sequence) const {
    return stored.pages.data() + first_page_[sequence];
  }

  // Attention of the token at `position`, in double: [heads * head_dim].
  std::vector<double> Reference(size_t sequence, int64_t position, int64_t window,
                                const float* q) const {
    const int dim = shape_.head_dim;
    std::vector<double> y(shape_.cols());
    for (int h = 0; h < shape_.heads; ++h) {
      const int64_t begin = window > 0 ? std::max<int64_t>(0, position - window + 1) : 0;
      double sum = 0;
      for (int64_t p = begin; p <= position; ++p) {
        double dot = 0;
        for (int d = 0; d < dim; ++d) dot += q[h * dim + d] * At(keys_, sequence, p, h, d);
        const double weight = std::exp(dot / std::sqrt(dim));
        sum += weight;
        for (int d = 0; d < dim; ++d) y[h * dim + d] += weight * At(values_, sequence, p, h, d);
      }
      for (int d = 0; d < dim; ++d) y[h * dim + d] /= sum;
    }
    return y;
  }

 private:
  size_t page_bytes() const {
    return shape_.kv_heads * KvBlocks::HeadBytes(shape_.head_dim, dtype_);
  }

  void Store(const Stored& stored, const cuda_emu::TestStream& stream) const {
    using cuda_emu::DeviceArray;
    using cuda_emu::ViewOf;
    std::vector<DeviceToken> tokens;
    for (size_t s = 0; s < lengths_.size(); ++s) {
      for (int32_t p = 0; p < lengths_[s]; ++p) tokens.push_back({p, PagesOf(stored, s)});
    }
    const DeviceArray<DeviceToken> token_array(tokens, stream);
    const DeviceArray<float> keys(keys_, stream), values(values_, stream);
    const auto rows = std::ssize(tokens);
    const int64_t cols = shape_.kv_cols();
    EXPECT_EQ(StoreKv(ViewOf(keys, rows, cols, cols), ViewOf(values, rows, cols, cols),
                      token_array.data(), stored.kv, stream),
              cudaSuccess);
    EXPECT_EQ(stream.Wait(), cudaSuccess);
  }

  int64_t FirstRow(size_t sequence) const {
    return std::reduce(lengths_.begin(), lengths_.begin() + static_cast<int64_t>(sequence));
  }

  // As it is stored.
  double At(const std::vector<float>& of, size_t sequence, int64_t position, int head,
            int d) const {
    const int64_t row = FirstRow(sequence) + position;
    const int kv_head = head / (shape_.heads / shape_.kv_heads);
    const float x = of[row * shape_.kv_cols() + kv_head * shape_.head_dim + d];
    return dtype_ == DType::kBF16 ? ToFloat(ToBF16(x)) : x;
  }

  DType dtype_;
  HeadShape shape_;
  std::vector<int64_t> lengths_;
  std::vector<int32_t> pages_;       // sequence by sequence
  std::vector<int32_t> first_page_;  // of each sequence, in pages_
  std::vector<float> keys_, values_;
};

}  // namespace octet::cuda

#endif  // OCTET_TESTS_KERNELS_CUDA_PAGED_CACHE_H_
