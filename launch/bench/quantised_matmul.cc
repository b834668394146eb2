#include "launch/bench/quantised_matmul.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

#include "kernels/base/weight_rows.h"
#include "launch/bench/number_pattern.h"

namespace octet {
namespace {

constexpr int64_t kPanel = PackedMatrix::kPanel;

// Rows of which a weight is made, again and again. No panel is like the one before.
constexpr int64_t kSourceRows = 5 * kPanel + 1;

// Blocks of any numbers, and scales near 2^-8.
class SourceRows {
 public:
  SourceRows(WeightFormat format, int64_t cols)
      : bytes_(kSourceRows * RowBytes(format, cols)),
        rows_{bytes_.data(), format, kSourceRows, cols} {
    // Bytes below 32 make float16 numbers below 0.01 wherever a scale may lie.
    uint32_t state = 1;
    for (std::byte& b : bytes_) {
      state = state * 1664525U + 1013904223U;
      b = static_cast<std::byte>(state >> 27);
    }
  }

  // The row that output n of a weight is.
  int64_t RowOf(int64_t n) const {
    return n / kPanel * kPanel % (kSourceRows - kPanel) + n % kPanel;
  }
  const std::byte* row(int64_t n) const { return rows_.row(RowOf(n)); }
  size_t row_bytes() const { return rows_.row_bytes(); }

 private:
  std::vector<std::byte> bytes_;
  const WeightRows rows_;
};

void PackSource(const SourceRows& source, Backend& backend, PackedMatrix& w) {
  backend.packer().ForEach(w.num_panels(), [&](int, int64_t p) {
    const auto count = static_cast<int>(std::min(kPanel, w.rows - p * kPanel));
    backend.packer().PackBlocks({source.row(p * kPanel), source.row_bytes(), count}, p, w);
  });
}

bool IsProduct(const SourceRows& source, WeightFormat format, ConstMatrix x, ConstMatrix y) {
  const int64_t row = y.rows - 1;
  const std::span<const float> inputs(x.f32(row), static_cast<size_t>(x.cols));
  return std::ranges::all_of(std::array{int64_t{0}, y.cols / 3, y.cols - 1}, [&](int64_t n) {
    return y.f32(row)[n] == ReferenceDot(format, source.row(n), inputs);
  });
}

}  // namespace

std::vector<KernelResult> BenchQuantisedMatmul(const KernelBench& bench, WeightFormat format,
                                               int64_t inputs, int64_t outputs,
                                               std::span<const int64_t> rows) {
  const SourceRows source(format, inputs);
  PackedMatrix w = AllocatePacked(bench.backend, format, outputs, inputs);
  const std::string shape = absl::StrCat("W [", outputs, ", ", inputs, "]");
  const auto bytes = static_cast<double>(w.buffer.bytes());
  std::vector<KernelResult> results(1);
  results[0].time = TimeKernel(bench,
                               {.kernel = "pack",
                                .shape = shape,
                                .rows = outputs,
                                .bytes = 2 * bytes,
                                .bytes_per_second = bench.dram_copy},
                               [&] { PackSource(source, bench.backend, w); });
  const int64_t most_rows = rows.empty() ? 0 : *std::ranges::max_element(rows);
  const NumberPattern pattern(most_rows, inputs);
  for (const int64_t m : rows) {
    const auto x = pattern.Copy(bench.backend, 0, m, inputs, DType::kF32);
    const Buffer y_buffer = bench.backend.Allocate(m * outputs * sizeof(float));
    const Matrix y = {y_buffer.data(), DType::kF32, m, outputs, outputs};
    KernelResult& result = results.emplace_back();
    result.time = TimeKernel(bench,
                             {.kernel = "matmul",
                              .shape = shape,
                              .rows = m,
                              .operations = 2.0 * m * inputs * outputs,
                              .operations_per_second = bench.dot_products,
                              .bytes = bytes,
                              .bytes_per_second = bench.dram_read},
                             [&] { bench.backend.Matmul(x.matrix, w, y); });
    result.right = IsProduct(source, format, x.matrix, y);
  }
  // Products of packed weights would be wrong, too.
  results[0].right = rows.empty() || results.back().right;
  for (KernelResult& result : results) result.time.set_dtype(Name(format));
  return results;
}

}  // namespace octet
