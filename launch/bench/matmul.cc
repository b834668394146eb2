#include "launch/bench/matmul.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cmath>

#include "launch/bench/number_pattern.h"

namespace octet {
namespace {

// The ids of the pattern's matrices.
constexpr int kProductWeight = 0;
constexpr int kProductInput = 1;

// Compares some outputs of the last row with sums in double.
bool IsProduct(const NumberPattern& pattern, DType dtype, int64_t inputs, ConstMatrix y) {
  const int64_t row = y.rows - 1;
  for (const int64_t n : {int64_t{0}, y.cols / 3, y.cols - 1}) {
    double sum = 0;
    double magnitude = 0;
    for (int64_t k = 0; k < inputs; ++k) {
      const double product =
          pattern.At(kProductInput, row, k, dtype) * pattern.At(kProductWeight, n, k, dtype);
      sum += product;
      magnitude += std::abs(product);
    }
    if (!IsNear(y.f32(row)[n], sum, magnitude)) return false;
  }
  return true;
}

double PackedElement(const PackedMatrix& w, int64_t row, int64_t col) {
  const std::byte* panel = w.panel(row / PackedMatrix::kPanel);
  const int64_t lane = row % PackedMatrix::kPanel;
  if (w.dtype() == DType::kF32) {
    return reinterpret_cast<const float*>(panel)[col * PackedMatrix::kPanel + lane];
  }
  return ToFloat(
      reinterpret_cast<const BF16*>(panel)[(col / 2 * PackedMatrix::kPanel + lane) * 2 + col % 2]);
}

bool IsPacked(const NumberPattern& pattern, const PackedMatrix& w) {
  for (const int64_t row : {int64_t{0}, w.rows / 2, w.rows - 1}) {
    for (const int64_t col : {int64_t{0}, w.cols / 2, w.cols - 1}) {
      if (PackedElement(w, row, col) != pattern.At(kProductWeight, row, col, w.dtype()))
        return false;
    }
  }
  return true;
}

// Measures the packing of rows of the packed dtype, which checkpoints have.
KernelResult BenchPack(const KernelBench& bench, const NumberPattern& pattern, PackedMatrix& w) {
  const auto source = pattern.Copy(bench.backend, kProductWeight, w.rows, w.cols, w.dtype());
  const double bytes = static_cast<double>(w.rows * w.cols) * SizeOf(w.dtype()) +
                       static_cast<double>(w.buffer.bytes());
  KernelResult result;
  result.time = TimeKernel(bench,
                           {.kernel = "pack",
                            .shape = absl::StrCat("W [", w.rows, ", ", w.cols, "]"),
                            .rows = w.rows,
                            .bytes = bytes,
                            .bytes_per_second = bench.dram_copy},
                           [&] { bench.backend.packer().Pack(source.matrix, 0, 1, w); });
  result.right = IsPacked(pattern, w);
  return result;
}

}  // namespace

std::vector<KernelResult> BenchMatmul(const KernelBench& bench, int64_t inputs, int64_t outputs,
                                      std::span<const int64_t> rows) {
  const int64_t most_rows = rows.empty() ? 0 : *std::max_element(rows.begin(), rows.end());
  const NumberPattern pattern(std::max(outputs, most_rows), inputs);
  PackedMatrix w = AllocatePacked(bench.backend, FormatOf(bench.dtype), outputs, inputs);
  std::vector<KernelResult> results = {BenchPack(bench, pattern, w)};
  for (const int64_t m : rows) {
    const auto x = pattern.Copy(bench.backend, kProductInput, m, inputs, bench.dtype);
    const Buffer y_buffer = bench.backend.Allocate(m * outputs * sizeof(float));
    const Matrix y = {y_buffer.data(), DType::kF32, m, outputs, outputs};
    KernelResult& result = results.emplace_back();
    result.time = TimeKernel(bench,
                             {.kernel = "matmul",
                              .shape = absl::StrCat("W [", outputs, ", ", inputs, "]"),
                              .rows = m,
                              .operations = 2.0 * m * inputs * outputs,
                              .operations_per_second = bench.dot_products,
                              .bytes = static_cast<double>(w.buffer.bytes()),
                              .bytes_per_second = bench.dram_read},
                             [&] { bench.backend.Matmul(x.matrix, w, y); });
    result.right = IsProduct(pattern, bench.dtype, inputs, y);
  }
  return results;
}

}  // namespace octet
