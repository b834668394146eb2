// The division of products over threads in CpuBackend.

#include <algorithm>

#include "kernels/cpu/cpu_backend.h"

namespace octet {
namespace {

// The panels of one unit of work: an even number, because gate and up alternate.
constexpr int64_t kUnitPanels = 16;

// Work of fewer multiplications stays on the caller's thread: to wake other threads costs more.
constexpr int64_t kMinParallelProducts = int64_t{1} << 18;

// The bytes of the sums of one row in one unit of work.
constexpr size_t kSumRowBytes = kUnitPanels * PackedMatrix::kPanel * sizeof(float);

int64_t NumUnits(const PackedMatrix& w) { return (w.num_panels() + kUnitPanels - 1) / kUnitPanels; }

}  // namespace

// Returns the number of rows whose sums take an eighth of the L2 cache. x and the weights need the
// rest.
int64_t CpuBackend::SumRows(size_t l2_bytes) {
  return std::max(kMaxTileRows, static_cast<int64_t>(l2_bytes / 8 / kSumRowBytes));
}

size_t CpuBackend::SumBytes() const { return static_cast<size_t>(sum_rows_) * kSumRowBytes; }

CpuBackend::PackedRows CpuBackend::AllocRows(int64_t rows, int64_t inputs, WeightFormat format) {
  const size_t row_bytes = kernels_.packed_row_bytes(format, inputs);
  const auto floats = static_cast<int64_t>(row_bytes / sizeof(float));
  return {.data = scratch_.AllocDense(rows, floats, DType::kF32).data, .row_bytes = row_bytes};
}

MatmulArgs CpuBackend::ProductOf(const std::byte* x, int64_t rows, const PackedMatrix& w) const {
  return {.format = w.format,
          .x = x,
          .rows = rows,
          .inputs = w.cols,
          .panels = w.buffer.data(),
          .panel_bytes = w.panel_bytes(),
          .first_tile = 0,
          .last_tile = kernels_.num_tiles(w.format, rows),
          .first_panel = 0,
          .last_panel = w.num_panels(),
          .l2_bytes = l2_bytes_,
          .sum_rows = sum_rows_,
          .sums = nullptr,
          .outputs = w.rows};
}

void CpuBackend::RunUnit(MatmulArgs args, int thread, int64_t unit) {
  args.first_panel = unit * kUnitPanels;
  args.last_panel = std::min(args.first_panel + kUnitPanels, args.last_panel);
  args.sums = reinterpret_cast<float*>(sums_.data() + thread * SumBytes());
  kernels_.matmul(args);
}

void CpuBackend::Matmul(ConstMatrix x, const PackedMatrix& w, Matrix y) {
  OCTET_CHECK(x.cols == w.cols && x.rows == y.rows && y.cols == w.rows);
  const Workspace::Scope scope(scratch_);
  const PackedRows packed = AllocRows(x.rows, x.cols, w.format);
  MatmulArgs product = ProductOf(packed.data, x.rows, w);
  product.y = y.f32(0);
  product.y_stride = y.stride;
  PackRowsArgs rows = {.x = x.data,
                       .x_stride = x.stride_bytes(),
                       .indices = nullptr,
                       .from = x.dtype,
                       .format = w.format,
                       .rows = x.rows,
                       .inputs = x.cols,
                       .packed = packed.data};
  const bool alone = x.rows * w.rows * w.cols < kMinParallelProducts;
  ForEach(alone, product.last_tile, [&](int, int64_t tile) {
    PackRowsArgs mine = rows;
    mine.tile = tile;
    kernels_.pack_rows(mine);
  });
  // A narrow weight gives too few units for all threads, so rows are divided, too.
  const int64_t units = NumUnits(w);
  const int64_t parts =
      units >= 4 * threads_.num_threads() ? 1 : std::min<int64_t>(product.last_tile, 8);
  ForEach(alone, units * parts, [&](int thread, int64_t i) {
    MatmulArgs mine = product;
    mine.first_tile = product.last_tile * (i % parts) / parts;
    mine.last_tile = product.last_tile * (i % parts + 1) / parts;
    RunUnit(mine, thread, i / parts);
  });
}

void CpuBackend::GroupedSwiGlu(ConstMatrix x, std::span<const int32_t> rows,
                               std::span<const int32_t> offsets,
                               std::span<const ExpertWeights* const> experts, Matrix y) {
  OCTET_CHECK(std::ssize(rows) == y.rows && offsets.size() == experts.size() + 1 &&
              x.cols == y.cols && offsets.back() == y.rows);
  size_t expert = 0;
  for (int64_t first = 0; first < y.rows;) {
    expert_rows_.clear();
    const int64_t end = std::min(y.rows, first + kExpertRowsAtATime);
    for (int64_t row = first; row < end;) {
      while (offsets[expert + 1] <= row) ++expert;
      const int64_t last = std::min<int64_t>(end, offsets[expert + 1]);
      expert_rows_.push_back({experts[expert], row - first, last - row});
      row = last;
    }
    PairExperts();
    RunExperts(x, rows.subspan(first, end - first), y.Rows(first, end - first));
    first = end;
  }
}

// Puts the expert with the most rows beside the one with the fewest, and so on.
void CpuBackend::PairExperts() {
  std::sort(expert_rows_.begin(), expert_rows_.end(),
            [](const ExpertRows& a, const ExpertRows& b) { return a.rows > b.rows; });
  for (size_t i = 1; i + 1 < expert_rows_.size(); i += 2) {
    std::rotate(expert_rows_.begin() + i, expert_rows_.end() - 1, expert_rows_.end());
  }
}

// Returns the units of both experts of a pair in turn. While one thread waits for the weights of
// the expert with few rows, another computes with the weights of the expert with many.
CpuBackend::ExpertUnit CpuBackend::UnitOfPair(int64_t i, int64_t units) const {
  const int64_t first = i / (2 * units) * 2;
  const int64_t experts = std::min(std::ssize(expert_rows_) - first, int64_t{2});
  const int64_t within = i - first * units;
  return {expert_rows_[first + within % experts], within / experts};
}

// Packs rows of x for each expert: row i of an expert is row indices[i] of x or, without indices,
// row i of x itself.
void CpuBackend::PackExpertRows(bool alone, ConstMatrix x, std::span<const int32_t> indices,
                                WeightFormat format, PackedRows packed) {
  ForEach(alone, std::ssize(expert_rows_), [&](int, int64_t i) {
    const ExpertRows& e = expert_rows_[i];
    PackRowsArgs pack = {.x = indices.empty() ? x.row(e.first) : x.data,
                         .x_stride = x.stride_bytes(),
                         .indices = indices.empty() ? nullptr : indices.data() + e.first,
                         .from = x.dtype,
                         .format = format,
                         .rows = e.rows,
                         .inputs = x.cols,
                         .packed = packed.data + e.first * packed.row_bytes};
    for (int64_t r = 0; r < e.rows && !indices.empty(); ++r) {
      OCTET_CHECK(pack.indices[r] >= 0 && pack.indices[r] < x.rows);
    }
    const int64_t tiles = kernels_.num_tiles(format, e.rows);
    for (pack.tile = 0; pack.tile < tiles; ++pack.tile) kernels_.pack_rows(pack);
  });
}

void CpuBackend::RunExperts(ConstMatrix x, std::span<const int32_t> indices, Matrix y) {
  const Workspace::Scope scope(scratch_);
  const PackedMatrix& up = expert_rows_[0].weights->gate_up;
  const PackedMatrix& down = expert_rows_[0].weights->down;
  const PackedRows packed = AllocRows(y.rows, x.cols, up.format);
  const PackedRows between = AllocRows(y.rows, down.cols, down.format);
  const bool alone = y.rows * up.rows * up.cols < kMinParallelProducts;

  PackExpertRows(alone, x, indices, up.format, packed);
  // Quantised rows have scales, which follow from whole blocks of them.
  const bool in_two_passes = IsQuantised(up.format);
  OCTET_CHECK(in_two_passes ? IsQuantised(down.format) : up.format == down.format);
  const Matrix values = in_two_passes ? scratch_.AllocDense(y.rows, down.cols, DType::kF32)
                                      : Matrix{.data = between.data};
  const size_t row_bytes = in_two_passes ? values.row_bytes() : between.row_bytes;
  const int64_t up_units = NumUnits(up);
  ForEach(alone, up_units * std::ssize(expert_rows_), [&](int thread, int64_t i) {
    const auto [e, unit] = UnitOfPair(i, up_units);
    MatmulArgs product =
        ProductOf(packed.data + e.first * packed.row_bytes, e.rows, e.weights->gate_up);
    product.outputs = down.cols;
    product.swiglu = values.data + e.first * row_bytes;
    RunUnit(product, thread, unit);
  });
  if (in_two_passes) PackExpertRows(alone, values, {}, down.format, between);
  const int64_t down_units = NumUnits(down);
  ForEach(alone, down_units * std::ssize(expert_rows_), [&](int thread, int64_t i) {
    const auto [e, unit] = UnitOfPair(i, down_units);
    MatmulArgs product =
        ProductOf(between.data + e.first * between.row_bytes, e.rows, e.weights->down);
    product.y = y.f32(e.first);
    product.y_stride = y.stride;
    RunUnit(product, thread, unit);
  });
}

}  // namespace octet
