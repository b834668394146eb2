// Weights on the emulated device, for tests.

#ifndef OCTET_TESTS_KERNELS_CUDA_DEVICE_WEIGHTS_H_
#define OCTET_TESTS_KERNELS_CUDA_DEVICE_WEIGHTS_H_

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "kernels/cuda/weights.h"
#include "tests/cuda_emu/emulated_device.h"

namespace octet::cuda {

template <class T>
inline constexpr DType kDType = std::is_same_v<T, float> ? DType::kF32 : DType::kBF16;

inline float ToFloat(float x) { return x; }
using octet::ToFloat;

// Normal numbers of this scale, as float or BF16.
template <class T>
std::vector<T> Numbers(int64_t count, uint32_t seed, float scale = 1) {
  std::vector<T> numbers;
  for (const float number : cuda_emu::NormalNumbers(count, seed)) {
    if constexpr (std::is_same_v<T, float>) {
      numbers.push_back(scale * number);
    } else {
      numbers.push_back(ToBF16(scale * number));
    }
  }
  return numbers;
}

// Rows of some matrices [.., cols] as weights.h orders them.
template <class T>
class PackedRows {
 public:
  // [rows, cols]
  PackedRows(const std::vector<T>& w, int64_t rows, int64_t cols)
      : rows_(rows), cols_(cols), packed_(PaddedRows(rows) * Stride()) {
    for (int64_t r = 0; r < rows; ++r) Put(w, r, r);
  }

  // w1 and w3 [rows, cols] as ExpertWeights::gate_up has them.
  PackedRows(const std::vector<T>& w1, const std::vector<T>& w3, int64_t rows, int64_t cols)
      : rows_(GateUpRows(rows)), cols_(cols), packed_(GateUpRows(rows) * Stride()) {
    for (int64_t r = 0; r < rows; ++r) {
      Put(w1, r, GateRow(r));
      Put(w3, r, GateRow(r) + PackedMatrix::kPanel);
    }
  }

  const std::vector<T>& packed() const { return packed_; }

  PackedMatrix At(std::byte* data) const {
    PackedMatrix w;
    w.buffer = Buffer::View(data, packed_.size() * sizeof(T));
    w.format = FormatOf(kDType<T>);
    w.rows = rows_;
    w.cols = cols_;
    return w;
  }

 private:
  int64_t Stride() const { return WeightStride(kDType<T>, cols_); }
  void Put(const std::vector<T>& from, int64_t row, int64_t to) {
    std::copy_n(from.begin() + row * cols_, cols_, packed_.begin() + to * Stride());
  }

  int64_t rows_;
  int64_t cols_;
  std::vector<T> packed_;
};

}  // namespace octet::cuda

#endif  // OCTET_TESTS_KERNELS_CUDA_DEVICE_WEIGHTS_H_
