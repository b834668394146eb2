#include "tests/support/reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/cpu/thread_pool.h"

namespace octet {
namespace {

constexpr int64_t kChunk = 512;

// Rows filled up with 0 to `cols`.
std::vector<std::vector<float>> PaddedRows(const OwnedMatrix& m, int64_t cols) {
  std::vector<std::vector<float>> rows(m.view().rows, std::vector<float>(cols));
  for (int64_t r = 0; r < m.view().rows; ++r) {
    for (int64_t c = 0; c < m.view().cols; ++c) rows[r][c] = m.at(r, c);
  }
  return rows;
}

// `pairs`: the odd one of each pair first, if it has a partner.
float ChunkSum(const std::vector<float>& x, const std::vector<float>& w, int64_t begin, int64_t end,
               bool pairs) {
  float chain = 0;
  for (int64_t i = begin; i < end; ++i) {
    const int64_t partner = begin + ((i - begin) ^ 1);
    const int64_t k = pairs && partner < end ? partner : i;
    chain = std::fma(x[k], w[k], chain);
  }
  return chain;
}

float TileChunkSum(const std::vector<float>& x, const std::vector<float>& w, int64_t begin,
                   int64_t end) {
  float sum = 0;
  for (int64_t tile = begin; tile < end; tile += 32) {
    float even = 0;
    float odd = 0;
    for (int64_t k = tile; k < tile + 32; k += 2) {
      even = std::fma(x[k], w[k], even);
      odd = std::fma(x[k + 1], w[k + 1], odd);
    }
    sum += even + odd;
  }
  return sum;
}

}  // namespace

OwnedMatrix::OwnedMatrix(int64_t rows, int64_t cols, DType dtype)
    : data_(static_cast<size_t>(rows) * RowBytes(dtype, cols)),
      dtype_(dtype),
      rows_(rows),
      cols_(cols) {}

OwnedMatrix OwnedMatrix::Random(int64_t rows, int64_t cols, DType dtype, uint32_t seed,
                                float scale) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, scale);
  OwnedMatrix m(rows, cols, dtype);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) m.set(r, c, normal(random));
  }
  return m;
}

float OwnedMatrix::at(int64_t row, int64_t col) const {
  const std::byte* p = view().row(row) + static_cast<size_t>(col) * SizeOf(dtype_);
  if (dtype_ == DType::kF32) return *reinterpret_cast<const float*>(p);
  return ToFloat(*reinterpret_cast<const BF16*>(p));
}

void OwnedMatrix::set(int64_t row, int64_t col, float value) {
  std::byte* p = view().row(row) + static_cast<size_t>(col) * SizeOf(dtype_);
  if (dtype_ == DType::kF32) {
    *reinterpret_cast<float*>(p) = value;
  } else {
    *reinterpret_cast<BF16*>(p) = ToBF16(value);
  }
}

OwnedMatrix ReferenceMatmul(const OwnedMatrix& x, const OwnedMatrix& w) {
  FlushDenormalsToZero();
  const int64_t inputs = x.view().cols;
  const bool pairs = x.view().dtype == DType::kBF16;
  const auto x_rows = PaddedRows(x, inputs);
  const auto w_rows = PaddedRows(w, inputs);
  OwnedMatrix y(x.view().rows, w.view().rows);
  for (int64_t m = 0; m < y.view().rows; ++m) {
    for (int64_t n = 0; n < y.view().cols; ++n) {
      float sum = 0;
      for (int64_t begin = 0; begin < inputs; begin += kChunk) {
        const float chain =
            ChunkSum(x_rows[m], w_rows[n], begin, std::min(inputs, begin + kChunk), pairs);
        sum = begin == 0 ? chain : sum + chain;
      }
      y.set(m, n, sum);
    }
  }
  return y;
}

OwnedMatrix ReferenceTileMatmul(const OwnedMatrix& x, const OwnedMatrix& w) {
  FlushDenormalsToZero();
  const int64_t inputs = (x.view().cols + 31) / 32 * 32;
  const auto x_rows = PaddedRows(x, inputs);
  const auto w_rows = PaddedRows(w, inputs);
  OwnedMatrix y(x.view().rows, w.view().rows);
  for (int64_t m = 0; m < y.view().rows; ++m) {
    for (int64_t n = 0; n < y.view().cols; ++n) {
      float sum = TileChunkSum(x_rows[m], w_rows[n], 0, std::min(inputs, kChunk));
      for (int64_t begin = kChunk; begin < inputs; begin += kChunk) {
        sum += TileChunkSum(x_rows[m], w_rows[n], begin, std::min(inputs, begin + kChunk));
      }
      y.set(m, n, sum);
    }
  }
  return y;
}

std::vector<double> ReferenceAttention(const float* q, const ReferenceKv& kv, int kv_head,
                                       int64_t first, int64_t last) {
  const auto kept = [&](float x) { return kv.dtype == DType::kBF16 ? ToFloat(ToBF16(x)) : x; };
  std::vector<double> out(kv.head_dim);
  double sum = 0;
  for (int64_t token = first; token <= last; ++token) {
    const float* k = kv.k.view().f32(token) + kv_head * kv.head_dim;
    const float* v = kv.v.view().f32(token) + kv_head * kv.head_dim;
    double score = 0;
    for (int d = 0; d < kv.head_dim; ++d) score += double{q[d]} * kept(k[d]);
    const double p = std::exp(score / std::sqrt(double(kv.head_dim)));
    sum += p;
    for (int d = 0; d < kv.head_dim; ++d) out[d] += p * kept(v[d]);
  }
  for (double& o : out) o /= sum;
  return out;
}

PackedMatrix PackAll(Backend& backend, const OwnedMatrix& w, DType dtype) {
  PackedMatrix packed;
  packed.format = FormatOf(dtype);
  packed.rows = w.view().rows;
  packed.cols = w.view().cols;
  packed.buffer = backend.Allocate(PackedMatrix::Bytes(packed.format, packed.rows, packed.cols));
  backend.packer().Pack(w.view(), 0, 1, packed);
  return packed;
}

}  // namespace octet
