#include "launch/bench/attention.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>

#include "launch/bench/number_pattern.h"

namespace octet {
namespace {

constexpr int kDecodedSequences = 64;

// The ids of the pattern's matrices.
constexpr int kQueries = 0;
constexpr int kKeys = 1;
constexpr int kValues = 2;

// Sequences of one length, whose last tokens attend.
struct Call {
  int64_t sequences;
  int64_t tokens;   // of each sequence, that attend
  int64_t context;  // of each sequence

  int64_t rows() const { return sequences * tokens; }
};

// Some layers of KV cache with the same keys and values: those of position p of sequence s are row
// s * context + p of the pattern's matrices. The order of the pages is that of sequences that grow
// together.
class Cache {
 public:
  Cache(const KernelBench& bench, const NumberPattern& pattern, AttentionHeads h, const Call& call)
      : pages_(call.sequences) {
    const int64_t pages_of_each = (call.context + kKvBlock - 1) / kKvBlock;
    kv_ = {.page_bytes = h.kv_heads * KvBlocks::HeadBytes(h.head_dim, bench.dtype),
           .dtype = bench.dtype,
           .num_kv_heads = h.kv_heads,
           .head_dim = h.head_dim};
    layer_bytes_ = static_cast<size_t>(pages_of_each * call.sequences) * kv_.page_bytes;
    num_layers_ = std::max<int64_t>(1, bench.cold_bytes / static_cast<int64_t>(layer_bytes_));
    buffer_ = bench.backend.Allocate(static_cast<size_t>(num_layers_) * layer_bytes_);
    std::vector<SequenceSpan> all;
    for (int64_t s = 0; s < call.sequences; ++s) {
      for (int64_t p = 0; p < pages_of_each; ++p) {
        pages_[s].push_back(static_cast<int32_t>(p * call.sequences + s));
      }
      all.push_back({s * call.context, call.context, 0, pages_[s]});
      spans_.push_back({s * call.tokens, call.tokens, call.context - call.tokens, pages_[s]});
    }
    const int64_t cols = int64_t{h.kv_heads} * h.head_dim;
    const int64_t rows = call.sequences * call.context;
    for (int64_t l = 0; l < num_layers_; ++l) {
      bench.backend.StoreKv(pattern.Rows(kKeys, 0, rows, cols),
                            pattern.Rows(kValues, 0, rows, cols), all, Layer(l));
    }
  }

  // The spans of the tokens that attend.
  std::span<const SequenceSpan> spans() const { return spans_; }

  // Returns another layer each time, in turn.
  KvBlocks Next() { return Layer(next_++ % num_layers_); }

 private:
  KvBlocks Layer(int64_t layer) const {
    KvBlocks kv = kv_;
    kv.pages = buffer_.data() + static_cast<size_t>(layer) * layer_bytes_;
    return kv;
  }

  std::vector<std::vector<int32_t>> pages_;  // [sequences]
  std::vector<SequenceSpan> spans_;
  KvBlocks kv_;
  size_t layer_bytes_ = 0;
  int64_t num_layers_ = 0;
  int64_t next_ = 0;
  Buffer buffer_;
};

// A row's outputs of one head, and the sums of their summands' magnitudes, in double.
struct Reference {
  std::vector<double> values;
  std::vector<double> magnitudes;
};

Reference Attend(const NumberPattern& pattern, DType dtype, AttentionHeads h, const Call& call,
                 int64_t row, int head) {
  const int64_t sequence = row / call.tokens;
  const int64_t visible = call.context - call.tokens + row % call.tokens + 1;
  const int64_t q_col = int64_t{head} * h.head_dim;
  const int64_t kv_col = int64_t{head / (h.heads / h.kv_heads)} * h.head_dim;
  Reference out = {std::vector<double>(h.head_dim), std::vector<double>(h.head_dim)};
  double sum = 0;
  for (int64_t p = 0; p < visible; ++p) {
    const int64_t position = sequence * call.context + p;
    double score = 0;
    for (int d = 0; d < h.head_dim; ++d) {
      score += pattern.At(kQueries, row, q_col + d, DType::kF32) *
               pattern.At(kKeys, position, kv_col + d, dtype);
    }
    const double weight = std::exp(score / std::sqrt(h.head_dim));
    sum += weight;
    for (int d = 0; d < h.head_dim; ++d) {
      const double value = weight * pattern.At(kValues, position, kv_col + d, dtype);
      out.values[d] += value;
      out.magnitudes[d] += std::abs(value);
    }
  }
  for (double& v : out.values) v /= sum;
  for (double& m : out.magnitudes) m /= sum;
  return out;
}

// Compares the first row's first head and the last row's last one.
bool IsAttention(const NumberPattern& pattern, DType dtype, AttentionHeads h, const Call& call,
                 ConstMatrix y) {
  // Thousands of positions are added in sequence, so rounding errors are a random walk.
  const double slack = 0x1p-22 * std::sqrt(static_cast<double>(call.context));
  for (const auto& [row, head] : {std::pair(int64_t{0}, 0), std::pair(y.rows - 1, h.heads - 1)}) {
    const Reference expected = Attend(pattern, dtype, h, call, row, head);
    for (int d = 0; d < h.head_dim; ++d) {
      const float got = y.f32(row)[int64_t{head} * h.head_dim + d];
      if (!IsNear(got, expected.values[d], expected.magnitudes[d], slack)) return false;
    }
  }
  return true;
}

KernelWork WorkOf(const KernelBench& bench, AttentionHeads h, const Call& call) {
  const double kv_rows = static_cast<double>(call.sequences * call.context);
  const double q_bytes = 4.0 * h.heads * h.head_dim * static_cast<double>(call.rows());
  const auto first = static_cast<double>(call.context - call.tokens + 1);
  const double positions =  // seen by all rows
      static_cast<double>(call.rows()) * (first + static_cast<double>(call.context)) / 2;
  return {.kernel = "attention",
          .shape = absl::StrCat(call.sequences, " x ", call.tokens, " tokens, ", h.heads, " on ",
                                h.kv_heads, " heads of ", h.head_dim),
          .rows = call.rows(),
          .context = call.context,
          .operations = 4.0 * h.head_dim * h.heads * positions,
          .operations_per_second = bench.f32_dot_products,
          .bytes = kv_rows * 2 * h.kv_heads * h.head_dim * SizeOf(bench.dtype) + 2 * q_bytes,
          .bytes_per_second = bench.dram_read};
}

KernelResult BenchCall(const KernelBench& bench, AttentionHeads h, const Call& call) {
  const int64_t cols = int64_t{h.heads} * h.head_dim;
  const NumberPattern pattern(std::max(call.rows(), call.sequences * call.context), cols);
  Cache cache(bench, pattern, h, call);
  const auto q = pattern.Copy(bench.backend, kQueries, call.rows(), cols, DType::kF32);
  const Buffer y_buffer = bench.backend.Allocate(call.rows() * cols * sizeof(float));
  const Matrix y = {y_buffer.data(), DType::kF32, call.rows(), cols, cols};
  KernelResult result;
  result.time = TimeKernel(bench, WorkOf(bench, h, call), [&] {
    bench.backend.Attention(q.matrix, cache.spans(), cache.Next(), /*window=*/0, y);
  });
  result.right = IsAttention(pattern, bench.dtype, h, call, y);
  return result;
}

}  // namespace

std::vector<KernelResult> BenchAttention(const KernelBench& bench, AttentionHeads heads,
                                         int64_t seq_len, std::span<const int64_t> contexts) {
  std::vector<KernelResult> results;
  results.push_back(BenchCall(bench, heads, {1, seq_len, seq_len}));
  results.push_back(BenchCall(bench, heads, {kDecodedSequences, 1, seq_len}));
  for (const int64_t context : contexts) {
    results.push_back(BenchCall(bench, heads, {1, 1, context}));
  }
  return results;
}

}  // namespace octet
