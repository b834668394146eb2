#include "launch/bench/rows.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>

#include "launch/bench/number_pattern.h"

namespace octet {
namespace {

constexpr float kEps = 1e-5F;

// The ids of the pattern's matrices.
constexpr int kRowInput = 0;
constexpr int kNormWeight = 1;

// The rows, and memory for results.
struct Rows {
  NumberPattern pattern;
  NumberPattern::Owned x;  // float32
  Buffer buffer;

  int64_t count() const { return x.matrix.rows; }
  int64_t cols() const { return x.matrix.cols; }
  Matrix Results(int64_t rows, DType dtype) const {
    return {buffer.data(), dtype, rows, cols(), cols()};
  }
};

Rows MakeRows(const KernelBench& bench, int64_t cols) {
  const int64_t count = std::max<int64_t>(
      2, bench.cold_bytes / 2 / (cols * static_cast<int64_t>(sizeof(float))) / 2 * 2);
  Rows rows = {.pattern = NumberPattern(count, cols)};
  rows.x = rows.pattern.Copy(bench.backend, kRowInput, count, cols, DType::kF32);
  rows.buffer = bench.backend.Allocate(count * cols * sizeof(float));
  return rows;
}

// Returns the work of a kernel that reads `read` bytes of each element of x and writes `written`
// for it.
KernelWork WorkOf(const KernelBench& bench, const char* kernel, const Rows& rows, double read,
                  double written) {
  return {.kernel = kernel,
          .shape = absl::StrCat("[", rows.count(), ", ", rows.cols(), "]"),
          .rows = rows.count(),
          .bytes = static_cast<double>(rows.count() * rows.cols()) * (read + written),
          .bytes_per_second = bench.dram_copy};
}

KernelResult BenchRmsNorm(const KernelBench& bench, const Rows& rows) {
  const std::span weight(rows.pattern.Rows(kNormWeight, 0, 1, rows.cols()).f32(0),
                         static_cast<size_t>(rows.cols()));
  const Matrix y = rows.Results(rows.count(), DType::kF32);
  KernelResult result;
  result.time = TimeKernel(bench, WorkOf(bench, "rms_norm", rows, 4, 4),
                           [&] { bench.backend.RmsNorm(rows.x.matrix, weight, kEps, y); });
  const int64_t row = rows.count() - 1;
  const float* x = rows.x.matrix.f32(row);
  double squares = 0;
  for (int64_t c = 0; c < rows.cols(); ++c) squares += static_cast<double>(x[c]) * x[c];
  const double scale = 1 / std::sqrt(squares / static_cast<double>(rows.cols()) + kEps);
  result.right = true;
  for (int64_t c = 0; c < rows.cols(); ++c) {
    const double expected = x[c] * scale * weight[c];
    result.right = result.right && IsNear(y.f32(row)[c], expected, std::abs(expected));
  }
  return result;
}

// Gathers the rows in another order, rounded to the dtype of weights.
KernelResult BenchGather(const KernelBench& bench, const Rows& rows) {
  std::vector<int32_t> order(rows.count());
  for (int64_t i = 0; i < rows.count(); ++i) {
    order[i] = static_cast<int32_t>(i % 2 == 0 ? i / 2 : rows.count() - 1 - i / 2);
  }
  const Matrix y = rows.Results(rows.count(), bench.dtype);
  KernelResult result;
  result.time = TimeKernel(
      bench, WorkOf(bench, "gather_rows", rows, 4, static_cast<double>(SizeOf(bench.dtype))),
      [&] { bench.backend.GatherRows(rows.x.matrix, order, y); });
  result.right = true;
  const int64_t row = rows.count() - 1;
  for (int64_t c = 0; c < rows.cols(); ++c) {
    const double got = bench.dtype == DType::kF32
                           ? y.f32(row)[c]
                           : ToFloat(reinterpret_cast<const BF16*>(y.row(row))[c]);
    result.right = result.right && got == rows.pattern.At(kRowInput, order[row], c, bench.dtype);
  }
  return result;
}

// Computes sums of two rows each.
KernelResult BenchWeightedSum(const KernelBench& bench, const Rows& rows) {
  RowSums sums;
  for (int64_t i = 0; i < rows.count() / 2; ++i) {
    sums.Add(static_cast<int32_t>(i), 0.3F);
    sums.Add(static_cast<int32_t>(rows.count() - 1 - i), 0.7F);
    sums.EndSum();
  }
  const Matrix y = rows.Results(rows.count() / 2, DType::kF32);
  KernelResult result;
  result.time = TimeKernel(bench, WorkOf(bench, "weighted_sum", rows, 4, 2),
                           [&] { bench.backend.WeightedSum(rows.x.matrix, sums, y); });
  result.right = true;
  const int64_t row = y.rows - 1;
  for (int64_t c = 0; c < rows.cols(); ++c) {
    const double first = 0.3F * rows.x.matrix.f32(sums.rows[2 * row])[c];
    const double second = 0.7F * rows.x.matrix.f32(sums.rows[2 * row + 1])[c];
    result.right =
        result.right && IsNear(y.f32(row)[c], first + second, std::abs(first) + std::abs(second));
  }
  return result;
}

}  // namespace

std::vector<KernelResult> BenchRows(const KernelBench& bench, int64_t cols) {
  const Rows rows = MakeRows(bench, cols);
  return {BenchRmsNorm(bench, rows), BenchGather(bench, rows), BenchWeightedSum(bench, rows)};
}

}  // namespace octet
