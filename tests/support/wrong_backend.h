// For tests of checks.

#ifndef OCTET_TESTS_SUPPORT_WRONG_BACKEND_H_
#define OCTET_TESTS_SUPPORT_WRONG_BACKEND_H_

#include "kernels/cpu/cpu_backend.h"

namespace octet {

// Every kernel is a little wrong in the last element, in which a bfloat16 changes too.
class WrongBackend : public CpuBackend {
 public:
  using CpuBackend::CpuBackend;

  void PackPanel(ConstMatrix rows, int64_t panel, PackedMatrix& w) override {
    CpuBackend::PackPanel(rows, panel, w);
    if (!spoils_packs || panel + 1 < w.num_panels()) return;
    // Element (w.rows - 1, w.cols - 1).
    const int64_t lane = (w.rows - 1) % PackedMatrix::kPanel;
    const int64_t col = w.cols - 1;
    const int64_t at = w.dtype() == DType::kF32
                           ? col * PackedMatrix::kPanel + lane
                           : (col / 2 * PackedMatrix::kPanel + lane) * 2 + col % 2;
    w.panel(panel)[at * static_cast<int64_t>(SizeOf(w.dtype()))] ^= std::byte{1};
  }
  void Matmul(ConstMatrix x, const PackedMatrix& w, Matrix y) override {
    CpuBackend::Matmul(x, w, y);
    Spoil(y);
  }
  void GroupedSwiGlu(ConstMatrix x, std::span<const int32_t> rows, std::span<const int32_t> offsets,
                     std::span<const ExpertWeights* const> experts, Matrix y) override {
    CpuBackend::GroupedSwiGlu(x, rows, offsets, experts, y);
    Spoil(y);
  }
  void Attention(ConstMatrix q, std::span<const SequenceSpan> spans, const KvBlocks& kv,
                 int64_t window, Matrix y) override {
    CpuBackend::Attention(q, spans, kv, window, y);
    Spoil(y);
  }
  void RmsNorm(ConstMatrix x, std::span<const float> weight, float eps, Matrix y) override {
    CpuBackend::RmsNorm(x, weight, eps, y);
    Spoil(y);
  }
  void GatherRows(ConstMatrix x, std::span<const int32_t> rows, Matrix y) override {
    CpuBackend::GatherRows(x, rows, y);
    Spoil(y);
  }
  void WeightedSum(ConstMatrix x, const RowSums& sums, Matrix y) override {
    CpuBackend::WeightedSum(x, sums, y);
    Spoil(y);
  }

  bool spoils_packs = false;

 private:
  static void Spoil(Matrix y) {
    if (y.rows == 0) return;
    if (y.dtype == DType::kBF16) {
      y.row(y.rows - 1)[y.row_bytes() - 2] ^= std::byte{1};
    } else {
      y.f32(y.rows - 1)[y.cols - 1] *= 1.01F;
    }
  }
};

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_WRONG_BACKEND_H_
