#include "kernels/cpu/cpu_backend.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "kernels/base/finite.h"
#include "kernels/base/mapped_memory.h"
#include "kernels/cpu/make_cpu_backend.h"

namespace octet {
namespace {

// The share of [0, n) that thread number `thread` of `num_threads` works on, as [begin, end).
std::pair<int64_t, int64_t> Share(int64_t n, int thread, int num_threads) {
  return {n * thread / num_threads, n * (thread + 1) / num_threads};
}

// Chooses experts as Backend::Route says. probabilities: [num_experts]; those that are chosen are
// overwritten. experts, weights: [topk].
void ChooseBest(std::span<float> probabilities, std::span<int32_t> experts,
                std::span<float> weights) {
  constexpr float kChosen = -1;
  const auto best_left = [&] {
    int32_t best = -1;
    for (int32_t e = 0; e < std::ssize(probabilities); ++e) {
      if (probabilities[e] == kChosen) continue;
      if (best < 0 || probabilities[e] > probabilities[best]) best = e;
    }
    return best;
  };
  float sum = 0;
  for (size_t slot = 0; slot < experts.size(); ++slot) {
    experts[slot] = best_left();
    weights[slot] = std::exchange(probabilities[experts[slot]], kChosen);
    sum += weights[slot];
  }
  for (float& weight : weights) weight /= sum;
}

const CpuKernels& SupportedKernels(Isa isa) {
  const std::vector<Isa> supported = SupportedIsas();
  OCTET_CHECK(std::find(supported.begin(), supported.end(), isa) != supported.end())
      << Name(isa) << " on this processor";
  return KernelsFor(isa);
}

}  // namespace

const CpuKernels& KernelsFor(Isa isa) {
  switch (isa) {
    case Isa::kAvx2:
      return kAvx2Kernels;
    case Isa::kAvxVnni:
      return kAvxVnniKernels;
    case Isa::kAvx512:
      return kAvx512Kernels;
    case Isa::kAvx512Vnni:
      return kAvx512VnniKernels;
    case Isa::kAvx512Bf16:
      return kAvx512Bf16Kernels;
    case Isa::kAmx:
      return kAmxKernels;
  }
  Fatal(__FILE__, __LINE__, "unknown instruction path");
}

std::unique_ptr<Backend> MakeCpuBackend(Isa isa, int num_threads) {
  return std::make_unique<CpuBackend>(isa, num_threads);
}

CpuBackend::CpuBackend(Isa isa, int num_threads) : CpuBackend(SupportedKernels(isa), num_threads) {}

CpuBackend::CpuBackend(const CpuKernels& kernels, int num_threads, size_t l2_bytes)
    : kernels_(kernels),
      l2_bytes_(l2_bytes),
      sum_rows_(SumRows(l2_bytes)),
      threads_(num_threads),
      sums_(Allocate(SumBytes() * num_threads)),
      scratch_([this](size_t bytes) { return Allocate(bytes); }),
      filters_(num_threads) {}

Buffer CpuBackend::Allocate(size_t bytes) {
  Buffer buffer = MapZeros(std::max<size_t>(bytes, 1));
  OCTET_CHECK(buffer.data() != nullptr) << "no memory for " << bytes << " bytes";
  return buffer;
}

void CpuBackend::ForRows(int64_t rows, int64_t cols, absl::FunctionRef<void(int64_t)> f) {
  if (IsSmall(rows * cols)) {
    FlushDenormalsToZero();
    for (int64_t row = 0; row < rows; ++row) f(row);
    return;
  }
  threads_.Run([&](int thread) {
    const auto [begin, end] = Share(rows, thread, threads_.num_threads());
    for (int64_t row = begin; row < end; ++row) f(row);
  });
}

void CpuBackend::ForEach(bool alone, int64_t n, absl::FunctionRef<void(int thread, int64_t i)> f) {
  if (!alone) return threads_.ForEach(n, f);
  FlushDenormalsToZero();
  for (int64_t i = 0; i < n; ++i) f(0, i);
}

void CpuBackend::ForEach(int64_t n, absl::FunctionRef<void(int thread, int64_t i)> f) {
  threads_.ForEach(n, f);
}

void CpuBackend::PackPanel(ConstMatrix rows, int64_t panel, PackedMatrix& w) {
  OCTET_CHECK(rows.rows <= PackedMatrix::kPanel && rows.cols == w.cols && panel < w.num_panels());
  kernels_.pack_panel({.rows = rows.data,
                       .stride = rows.stride_bytes(),
                       .from = rows.dtype,
                       .to = w.dtype(),
                       .num_rows = static_cast<int>(rows.rows),
                       .inputs = w.cols,
                       .panel = w.panel(panel)});
}

void CpuBackend::PackBlocks(BlockRows rows, int64_t panel, PackedMatrix& w) {
  OCTET_CHECK(rows.num_rows <= PackedMatrix::kPanel && panel < w.num_panels());
  const BlockGeometry geometry = GeometryOf(w.format);
  kernels_.pack_blocks({.format = w.format,
                        .rows = rows.data,
                        .stride = rows.stride,
                        .num_rows = rows.num_rows,
                        .blocks = w.cols / geometry.weights,
                        .block_bytes = geometry.bytes,
                        .panel = w.panel(panel)});
}

// The layout of kernels/base/packed_matrix.h.
int64_t CpuBackend::OutputOf(const PackedMatrix& w, size_t index) {
  const size_t lane = w.dtype() == DType::kBF16 ? index / 2 : index;
  return static_cast<int64_t>(lane % PackedMatrix::kPanel);
}

void CpuBackend::Write(std::span<const std::byte> from, std::byte* to) {
  std::ranges::copy(from, to);
}

void CpuBackend::RmsNorm(ConstMatrix x, std::span<const float> weight, float eps, Matrix y) {
  OCTET_CHECK(x.cols == y.cols && x.rows == y.rows && std::ssize(weight) == x.cols);
  ForRows(x.rows, x.cols, [&](int64_t row) {
    kernels_.rms_norm(x.f32(row), weight.data(), eps, x.cols, y.f32(row));
  });
}

void CpuBackend::Add(ConstMatrix x, Matrix y) {
  OCTET_CHECK(x.cols == y.cols && x.rows == y.rows);
  ForRows(x.rows, x.cols,
          [&](int64_t row) { kernels_.add_scaled(x.f32(row), 1, x.cols, y.f32(row)); });
}

void CpuBackend::ConvertRow(ConstMatrix x, int64_t from, Matrix y, int64_t to) const {
  if (x.dtype == y.dtype) {
    std::memcpy(y.row(to), x.row(from), RowBytes(y.dtype, y.cols));
  } else if (y.dtype == DType::kBF16) {
    kernels_.to_bf16(x.f32(from), x.cols, reinterpret_cast<BF16*>(y.row(to)));
  } else {
    const auto* in = reinterpret_cast<const BF16*>(x.row(from));
    float* out = y.f32(to);
    for (int64_t i = 0; i < x.cols; ++i) out[i] = ToFloat(in[i]);
  }
}

void CpuBackend::GatherRows(ConstMatrix x, std::span<const int32_t> rows, Matrix y) {
  OCTET_CHECK(x.cols == y.cols && std::ssize(rows) == y.rows);
  ForRows(y.rows, y.cols, [&](int64_t i) {
    OCTET_CHECK(rows[i] >= 0 && rows[i] < x.rows);
    ConvertRow(x, rows[i], y, i);
  });
}

void CpuBackend::GatherWeights(const WeightRows& w, std::span<const int32_t> rows, Matrix y) {
  if (!IsQuantised(w.format)) return GatherRows(w.matrix(), rows, y);
  OCTET_CHECK(w.cols == y.cols && std::ssize(rows) == y.rows);
  ForRows(y.rows, y.cols, [&](int64_t i) {
    OCTET_CHECK(rows[i] >= 0 && rows[i] < w.rows);
    RowToFloats(w, rows[i], y.f32(i));
  });
}

void CpuBackend::Convert(ConstMatrix x, Matrix y) {
  OCTET_CHECK(x.cols == y.cols && x.rows == y.rows);
  if (y.dtype == DType::kInt8Blocks && x.dtype != y.dtype) return RoundRows(x, y);
  ForRows(y.rows, y.cols, [&](int64_t i) { ConvertRow(x, i, y, i); });
}

void CpuBackend::RoundRows(ConstMatrix x, Matrix y) {
  ForRows(y.rows, y.cols, [&](int64_t i) {
    kernels_.round_row(x.f32(i), x.cols, reinterpret_cast<ActivationBlock*>(y.row(i)));
  });
}

void CpuBackend::WeightedSum(ConstMatrix x, const RowSums& sums, Matrix y) {
  const bool in_order = sums.results.empty();
  OCTET_CHECK(x.cols == y.cols && sums.rows.size() == sums.weights.size() &&
              sums.num_sums() == (in_order ? y.rows : std::ssize(sums.results)));
  ForRows(sums.num_sums(), y.cols, [&](int64_t i) {
    float* out = y.f32(in_order ? i : sums.results[i]);
    // The sum begins with -0, the only number that changes no summand.
    std::fill_n(out, y.cols, -0.0F);
    for (int32_t j = sums.offsets[i]; j < sums.offsets[i + 1]; ++j) {
      kernels_.add_scaled(x.f32(sums.rows[j]), sums.weights[j], x.cols, out);
    }
  });
}

void CpuBackend::Softmax(ConstMatrix x, std::span<const float> scales, Matrix y) {
  OCTET_CHECK(x.cols == y.cols && x.rows == y.rows &&
              (scales.empty() || std::ssize(scales) == x.rows));
  ForRows(x.rows, x.cols,
          [&](int64_t row) { SoftmaxOfRow(x, row, scales.empty() ? 1 : scales[row], y.f32(row)); });
}

void CpuBackend::SoftmaxOfRow(ConstMatrix x, int64_t row, float scale, float* y) const {
  const float max = kernels_.row_max(x.f32(row), x.cols);
  const float sum = kernels_.exp_row(x.f32(row), max, scale, x.cols, y);
  for (int64_t i = 0; i < x.cols; ++i) y[i] /= sum;
}

void CpuBackend::Route(Matrix logits, int topk, std::span<int32_t> experts,
                       std::span<float> weights) {
  OCTET_CHECK(topk <= logits.cols && std::ssize(experts) == logits.rows * topk &&
              weights.size() == experts.size());
  Softmax(logits, {}, logits);
  for (int64_t token = 0; token < logits.rows; ++token) {
    const auto first = static_cast<size_t>(token * topk);
    ChooseBest({logits.f32(token), static_cast<size_t>(logits.cols)}, experts.subspan(first, topk),
               weights.subspan(first, topk));
  }
}

void CpuBackend::DrawTokens(ConstMatrix logits, std::span<const TokenDraw> draws, Matrix room,
                            std::span<int32_t> tokens, std::span<int32_t> are_finite) {
  OCTET_CHECK(std::ssize(draws) == logits.rows && tokens.size() == draws.size() &&
              are_finite.size() == draws.size() && room.cols == logits.cols &&
              (room.rows > 0 || logits.rows == 0));
  for (TokenFilter& filter : filters_) filter.Reserve(static_cast<size_t>(logits.cols));
  for (int64_t first = 0; first < logits.rows; first += room.rows) {
    const int64_t count = std::min(room.rows, logits.rows - first);
    ForEach(IsSmall(count * logits.cols), count, [&](int thread, int64_t i) {
      const int64_t row = first + i;
      are_finite[row] = AllFinite({logits.f32(row), static_cast<size_t>(logits.cols)}) ? 1 : 0;
      if (are_finite[row] == 0) return;
      tokens[row] = DrawToken(logits, row, draws[row], room.f32(i), filters_[thread]);
    });
  }
}

int32_t CpuBackend::DrawToken(ConstMatrix logits, int64_t row, const TokenDraw& draw, float* room,
                              TokenFilter& filter) const {
  const float* const values = logits.f32(row);
  if (draw.scale == 0) {
    return static_cast<int32_t>(std::max_element(values, values + logits.cols) - values);
  }
  SoftmaxOfRow(logits, row, draw.scale, room);
  return filter.Draw({room, static_cast<size_t>(logits.cols)}, draw.filter, draw.u);
}

void CpuBackend::LogSumExp(ConstMatrix x, std::span<float> result) {
  OCTET_CHECK(std::ssize(result) == x.rows);
  ForRows(x.rows, x.cols, [&](int64_t row) {
    const float max = kernels_.row_max(x.f32(row), x.cols);
    const double sum = kernels_.exp_row(x.f32(row), max, 1, x.cols, nullptr);
    result[row] = static_cast<float>(max + std::log(sum));
  });
}

void CpuBackend::Rope(Matrix x, std::span<const int32_t> positions, const RopeTable& table) {
  const int64_t half = table.cos.cols;
  OCTET_CHECK(x.cols % (2 * half) == 0 && std::ssize(positions) == x.rows);
  ForRows(x.rows, x.cols, [&](int64_t row) {
    OCTET_CHECK(positions[row] < table.cos.rows) << "position " << positions[row];
    const float* cos = table.cos.f32(positions[row]);
    const float* sin = table.sin.f32(positions[row]);
    for (int64_t head = 0; head < x.cols; head += 2 * half) {
      float* a = x.f32(row) + head;
      float* b = a + half;
      for (int64_t i = 0; i < half; ++i) {
        const float rotated = a[i] * cos[i] - b[i] * sin[i];
        b[i] = b[i] * cos[i] + a[i] * sin[i];
        a[i] = rotated;
      }
    }
  });
}

}  // namespace octet
