// Obvious arithmetic to compare with: loops in double or, where bits must agree, in the written
// order.

#ifndef OCTET_TESTS_SUPPORT_REFERENCE_H_
#define OCTET_TESTS_SUPPORT_REFERENCE_H_

#include <cstdint>
#include <random>
#include <vector>

#include "kernels/base/backend.h"
#include "kernels/base/matrix.h"

namespace octet {

// A matrix that owns its elements.
class OwnedMatrix {
 public:
  OwnedMatrix(int64_t rows, int64_t cols, DType dtype = DType::kF32);

  // Normally distributed, rounded to dtype.
  static OwnedMatrix Random(int64_t rows, int64_t cols, DType dtype, uint32_t seed,
                            float scale = 1);

  Matrix view() { return {data_.data(), dtype_, rows_, cols_, cols_}; }
  ConstMatrix view() const { return {data_.data(), dtype_, rows_, cols_, cols_}; }
  float at(int64_t row, int64_t col) const;
  void set(int64_t row, int64_t col, float value);
  const std::vector<std::byte>& bytes() const { return data_; }

 private:
  std::vector<std::byte> data_;
  DType dtype_;
  int64_t rows_;
  int64_t cols_;
};

// The written definition of a product without AMX, bit for bit: chains of fused multiply-adds over
// at most 512 inputs, in bfloat16 the odd one of each pair first, chunk sums added in ascending
// order.
OwnedMatrix ReferenceMatmul(const OwnedMatrix& x, const OwnedMatrix& w);

// The same for bfloat16 with AMX: of 32 inputs at a time the even ones are one chain of fused
// multiply-adds from 0 and the odd ones another, and the sum of both is added to that of the chunk.
OwnedMatrix ReferenceTileMatmul(const OwnedMatrix& x, const OwnedMatrix& w);

// Keys and values of one sequence, [tokens, kv heads * head_dim] each, as a cache of `dtype` keeps
// them.
struct ReferenceKv {
  const OwnedMatrix& k;
  const OwnedMatrix& v;
  DType dtype;
  int head_dim;
};

// Softmax attention in double of one query, the first of head_dim elements at `q`, over the keys
// and values of `kv_head` at tokens `first` to `last`.
std::vector<double> ReferenceAttention(const float* q, const ReferenceKv& kv, int kv_head,
                                       int64_t first, int64_t last);

PackedMatrix PackAll(Backend& backend, const OwnedMatrix& w, DType dtype);

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_REFERENCE_H_
