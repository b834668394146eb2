#include "launch/bench/number_pattern.h"

namespace octet {
namespace {

constexpr int kMatrices = 32;

// The elements from one row, or one matrix, to the next; without common divisors.
constexpr int64_t kRowStride = 61;
constexpr int64_t kMatrixStride = 1009;

float Number(int64_t i) {
  const auto bits = static_cast<uint64_t>(i) * 0x9E3779B97F4A7C15;  // 2^64 / the golden ratio
  return static_cast<float>(static_cast<int64_t>(bits >> 48) - 32768) / 32768;
}

}  // namespace

NumberPattern::NumberPattern(int64_t max_rows, int64_t max_cols)
    : numbers_(max_rows * kRowStride + kMatrices * kMatrixStride + max_cols) {
  for (int64_t i = 0; i < std::ssize(numbers_); ++i) numbers_[i] = Number(i);
}

ConstMatrix NumberPattern::Rows(int id, int64_t first, int64_t rows, int64_t cols) const {
  OCTET_CHECK(id < kMatrices && (first + rows) * kRowStride + kMatrices * kMatrixStride + cols <=
                                    std::ssize(numbers_) + kRowStride);
  return {
      reinterpret_cast<const std::byte*>(numbers_.data() + first * kRowStride + id * kMatrixStride),
      DType::kF32, rows, cols, kRowStride};
}

double NumberPattern::At(int id, int64_t row, int64_t col, DType dtype) const {
  return RoundTo(dtype, Rows(id, row, 1, col + 1).f32(0)[col]);
}

NumberPattern::Owned NumberPattern::Copy(Backend& backend, int id, int64_t rows, int64_t cols,
                                         DType dtype) const {
  Owned copy;
  const int64_t stride = cols + 32;  // so that not all rows are in the same cache sets
  copy.buffer = backend.Allocate(static_cast<size_t>(rows * stride) * SizeOf(dtype));
  copy.matrix = {copy.buffer.data(), dtype, rows, cols, stride};
  backend.Convert(Rows(id, 0, rows, cols), copy.matrix);
  return copy;
}

void NumberPattern::PackInto(Backend& backend, int id, int64_t rows, int64_t first_panel,
                             int64_t panel_step, PackedMatrix& w) const {
  backend.packer().Pack(Rows(id, 0, rows, w.cols), first_panel, panel_step, w);
}

double RoundTo(DType dtype, double value) {
  const auto single = static_cast<float>(value);
  return dtype == DType::kBF16 ? ToFloat(ToBF16(single)) : single;
}

PackedMatrix AllocatePacked(Backend& backend, WeightFormat format, int64_t rows, int64_t cols) {
  return {.buffer = backend.Allocate(PackedMatrix::Bytes(format, rows, cols)),
          .format = format,
          .rows = rows,
          .cols = cols};
}

}  // namespace octet
