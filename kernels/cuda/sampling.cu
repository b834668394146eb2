#include "kernels/cuda/sampling.h"

#include "kernels/cuda/launch.h"
#include "kernels/cuda/positive_double.h"
#include "kernels/cuda/row_search.h"
#include "kernels/cuda/rows.h"

namespace octet::cuda {
namespace {

// Tokens that are kept: those above `least`, and the first `ties` of those that have it.
struct Kept {
  unsigned least;
  int ties;
};

// The position in the order of the filter, best first: the tie-th of those with these bits.
struct Place {
  unsigned bits;
  int tie;
};

// Sums in the order of TokenFilter, with its roundings. What one thread computes all get.
struct ExactSum {
  PositiveDouble sum;
  Place place;  // where it passed
  bool has_passed;
};

// What TokenFilter compares with a sum.
struct Limit {
  PositiveDouble value;
  bool is_enough;  // to reach it

  OCTET_DEVICE bool IsPassedBy(const PositiveDouble& sum) const {
    return value < sum || (is_enough && !(sum < value));
  }
};

constexpr int kNoLimit = 1 << 30;  // as exponent

OCTET_DEVICE Limit NoLimit() { return {{uint64_t{1} << 52, kNoLimit}, false}; }

// What is summed by index. A kernel sums each once, and each has its own result, which others may
// still read while the next one is computed.
enum IndexSum { kTotal, kDraw, kIndexSums };

// By index, for tokens whose ties are all kept. `place` has the index instead of the tie.
OCTET_DEVICE ExactSum SumByIndex(const Numbers& numbers, unsigned least, const Limit& limit,
                                 IndexSum which) {
  OCTET_SHARED(ExactSum, results, kIndexSums);
  if (threadIdx.x == 0) {
    ExactSum exact = {};
    for (int i = 0; i < numbers.count && !exact.has_passed; ++i) {
      if (numbers.Bits(i) < least) continue;
      exact.sum = exact.sum + PositiveDouble::From(numbers.data[i]);
      exact.place = {numbers.Bits(i), i};
      exact.has_passed = limit.IsPassedBy(exact.sum);
    }
    results[which] = exact;
  }
  __syncthreads();
  return results[which];
}

// Best first, one group of equal ones after the other.
OCTET_DEVICE ExactSum SumBestFirst(const Numbers& numbers, const Kept& kept, const Limit& limit) {
  OCTET_SHARED(ExactSum, result, 1);
  if (threadIdx.x == 0) result[0] = {};
  for (unsigned below = 0x7F800000U; below > kept.least;) {
    float best = 0;
    for (int i = static_cast<int>(threadIdx.x); i < numbers.count; i += kSearchThreads) {
      if (numbers.Bits(i) < below) best = fmaxf(best, numbers.data[i]);
    }
    below = __float_as_uint(FoldBlock<kSearchThreads>(best, Maximum()));
    const int same = static_cast<int>(
        SumOver(numbers, [below](unsigned bits) { return bits == below ? 1 : 0; }));
    const int ties = below == kept.least ? min(same, kept.ties) : same;
    if (below >= kept.least && threadIdx.x == 0) {
      ExactSum exact = result[0];
      for (int t = 0; t < ties && !exact.has_passed; ++t) {
        exact.sum = exact.sum + PositiveDouble::From(__uint_as_float(below));
        exact.place = {below, t};
        exact.has_passed = limit.IsPassedBy(exact.sum);
      }
      result[0] = exact;
    }
    __syncthreads();
    if (result[0].has_passed) break;
  }
  const ExactSum exact = result[0];
  __syncthreads();  // before another call begins
  return exact;
}

// The filter of one row. It decides by sums of whole numbers, which have no order, where the sums
// of TokenFilter can't differ from them by so much that it would decide otherwise; else by its own
// sums.
struct Filter {
  Numbers numbers;
  Kept kept;
  bool is_sorted = false;
  uint64_t total = 0;  // of what is kept

  // More than all roundings of TokenFilter's sums and of ours.
  OCTET_DEVICE bool IsSure(uint64_t target, uint64_t before, uint64_t after) const {
    const uint64_t error = (uint64_t{4} + numbers.count) * ((total >> 52) + 2);
    return after - target > error && target - before > error;
  }

  OCTET_DEVICE uint64_t CountFrom(unsigned least) const {
    return SumOver(numbers, [least](unsigned bits) { return bits >= least ? 1 : 0; });
  }
  OCTET_DEVICE uint64_t MassFrom(unsigned least) const {
    return SumOver(numbers, [least](unsigned bits) { return bits >= least ? Mass(bits) : 0; });
  }

  OCTET_DEVICE void KeepMinP(float best, float min_p) {
    const unsigned least = __float_as_uint(__fmul_rn(min_p, best));
    kept = {least == 0 ? 1U : least, numbers.count};
  }

  OCTET_DEVICE void KeepTopK(int top_k) {
    if (top_k == 0 || static_cast<uint64_t>(top_k) >= CountFrom(kept.least)) return;
    const auto one = [](unsigned) { return uint64_t{1}; };
    kept.least = FindLeast(numbers, one, static_cast<uint64_t>(top_k) - 1);
    kept.ties = top_k - static_cast<int>(CountFrom(kept.least + 1));
    is_sorted = true;
  }

  OCTET_DEVICE void SumKept() {
    const uint64_t above = MassFrom(kept.least + 1);
    const uint64_t same = CountFrom(kept.least) - CountFrom(kept.least + 1);
    const uint64_t ties = static_cast<uint64_t>(kept.ties);
    total = above + (same < ties ? same : ties) * Mass(kept.least);
  }

  OCTET_DEVICE PositiveDouble ExactTotal() const {
    return is_sorted ? SumBestFirst(numbers, kept, NoLimit()).sum
                     : SumByIndex(numbers, kept.least, NoLimit(), kTotal).sum;
  }

  // Where sums pass `target` units, or a limit of `share` of the exact total; the last place where
  // they don't.
  OCTET_DEVICE Place FindPlace(uint64_t target, const PositiveDouble& share, bool is_enough) const {
    const unsigned bits = FindLeast(numbers, Mass, target);
    const uint64_t above = MassFrom(bits + 1);
    const uint64_t mass = Mass(bits);
    if (mass == 0) return {bits, 0};  // with wrong sums alone, which must not end the program
    const uint64_t tie = (target - above) / mass;
    const uint64_t before = above + tie * mass;
    if (IsSure(target, before, before + mass)) return {bits, static_cast<int>(tie)};
    return SumBestFirst(numbers, kept, {share * ExactTotal(), is_enough}).place;
  }

  OCTET_DEVICE void KeepTopP(float top_p) {
    if (top_p >= 1) return;
    const uint64_t target = __umul64hi(total, FractionOf(top_p));
    const Place last = FindPlace(target, PositiveDouble::From(top_p), true);
    kept = {last.bits, last.tie + 1};
    is_sorted = true;
    SumKept();
  }

  OCTET_DEVICE int Draw(uint64_t draw) const {
    const uint64_t target = __umul64hi(total, draw << 11);
    const PositiveDouble share = PositiveDouble::From(draw, -53);
    if (is_sorted) {
      const Place place = FindPlace(target, share, false);
      const auto is_tie = [&](unsigned bits) { return uint64_t{bits == place.bits ? 1U : 0U}; };
      return FindIndex(numbers, is_tie, static_cast<uint64_t>(place.tie)).index;
    }
    const auto mass = [this](unsigned bits) { return bits >= kept.least ? Mass(bits) : 0; };
    const Passing passing = FindIndex(numbers, mass, target);
    if (IsSure(target, passing.before, passing.after)) return passing.index;
    return SumByIndex(numbers, kept.least, {share * ExactTotal(), false}, kDraw).place.tie;
  }
};

OCTET_DEVICE int FirstGreatest(const Numbers& logits) {
  float greatest = -INFINITY;
  for (int i = static_cast<int>(threadIdx.x); i < logits.count; i += kSearchThreads) {
    greatest = fmaxf(greatest, logits.data[i]);
  }
  greatest = FoldBlock<kSearchThreads>(greatest, Maximum());
  const auto is_greatest = [greatest](unsigned bits) {
    return uint64_t{__uint_as_float(bits) == greatest ? 1U : 0U};
  };
  return SumOver(logits, is_greatest) == 0 ? 0 : FindIndex(logits, is_greatest, 0).index;
}

OCTET_DEVICE int DrawFrom(const Numbers& probabilities, const SampleRow& row) {
  float best = 0;
  for (int i = static_cast<int>(threadIdx.x); i < probabilities.count; i += kSearchThreads) {
    best = fmaxf(best, probabilities.data[i]);
  }
  best = FoldBlock<kSearchThreads>(best, Maximum());
  if (!(best > 0 && best <= 1)) return 0;  // of a row that is not finite
  Filter filter = {.numbers = probabilities, .kept = {}};
  filter.KeepMinP(best, row.min_p);
  filter.KeepTopK(row.top_k);
  filter.SumKept();
  filter.KeepTopP(row.top_p);
  return filter.Draw(row.draw);
}

__global__ void __launch_bounds__(kSearchThreads)
    DrawKernel(const float* logits, int64_t logits_stride, const float* probabilities,
               int64_t stride, int vocab_size, const float* scales, const SampleRow* rows,
               int32_t* tokens) {
  const int64_t row = blockIdx.x;
  const int token = scales[row] == 0
                        ? FirstGreatest({logits + row * logits_stride, vocab_size})
                        : DrawFrom({probabilities + row * stride, vocab_size}, rows[row]);
  if (threadIdx.x == 0) tokens[row] = token;
}

// logprobs: the logarithms of the sums at first.
__global__ void __launch_bounds__(kSearchThreads)
    TokenLogprobsKernel(const float* logits, int64_t stride, int vocab_size, const int32_t* tokens,
                        float* logprobs, int32_t* ranks) {
  const float* const row = logits + int64_t{blockIdx.x} * stride;
  const int token = tokens[blockIdx.x];
  const float logit = row[token];
  uint64_t better[1] = {};
  for (int t = static_cast<int>(threadIdx.x); t < vocab_size; t += kSearchThreads) {
    better[0] += row[t] > logit || (row[t] == logit && t < token) ? 1 : 0;
  }
  SumThreads(better);
  if (threadIdx.x != 0) return;
  logprobs[blockIdx.x] = __fsub_rn(logit, logprobs[blockIdx.x]);
  ranks[blockIdx.x] = 1 + static_cast<int32_t>(better[0]);
}

__global__ void __launch_bounds__(kSearchThreads)
    AllFiniteKernel(const float* x, int64_t stride, int64_t cols, int32_t* are_finite) {
  const float* const row = x + int64_t{blockIdx.x} * stride;
  int others = 0;
  for (int64_t c = threadIdx.x; c < cols; c += kSearchThreads) {
    others |= (__float_as_uint(row[c]) & 0x7F800000U) == 0x7F800000U ? 1 : 0;
  }
  const int threads = __syncthreads_count(others);
  if (threadIdx.x == 0) are_finite[blockIdx.x] = threads == 0 ? 1 : 0;
}

}  // namespace

cudaError_t Sampling::Compute(cudaStream_t stream) const {
  const cudaError_t error = Softmax(logits, scales, probabilities, stream);
  if (error != cudaSuccess) return error;
  return Launch({.blocks_x = logits.rows, .threads = kSearchThreads}, stream, DrawKernel,
                reinterpret_cast<const float*>(logits.data), logits.stride,
                reinterpret_cast<const float*>(probabilities.data), probabilities.stride,
                static_cast<int>(logits.cols), scales, rows, tokens);
}

cudaError_t TokenLogprobs(ConstMatrix logits, const int32_t* tokens, float* logprobs,
                          int32_t* ranks, cudaStream_t stream) {
  const cudaError_t error = LogSumExp(logits, logprobs, stream);
  if (error != cudaSuccess) return error;
  return Launch({.blocks_x = logits.rows, .threads = kSearchThreads}, stream, TokenLogprobsKernel,
                reinterpret_cast<const float*>(logits.data), logits.stride,
                static_cast<int>(logits.cols), tokens, logprobs, ranks);
}

cudaError_t AllFinite(ConstMatrix x, int32_t* are_finite, cudaStream_t stream) {
  return Launch({.blocks_x = x.rows, .threads = kSearchThreads}, stream, AllFiniteKernel,
                reinterpret_cast<const float*>(x.data), x.stride, x.cols, are_finite);
}

}  // namespace octet::cuda
