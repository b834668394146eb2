// The instantiation of every kernel for one path.

#ifndef OCTET_KERNELS_CPU_KERNEL_TABLE_H_
#define OCTET_KERNELS_CPU_KERNEL_TABLE_H_

#include "kernels/cpu/attention_impl.h"
#include "kernels/cpu/block_matmul_impl.h"
#include "kernels/cpu/block_pack_impl.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/elementwise_impl.h"
#include "kernels/cpu/matmul_impl.h"
#include "kernels/cpu/pack_impl.h"

namespace octet {

// The kernels that there are for each kind of weight formats. S: the vectors of the path, such as
// Avx2. F, B and Q: its multiplication of float32, of bfloat16 and of quantised weights.
template <class S, class F, class B, class Q>
struct FormatKernels {
  static int64_t NumTiles(WeightFormat format, int64_t rows) {
    if (format == WeightFormat::kF32) return Tiles<F>(rows).count;
    if (format == WeightFormat::kBF16) return Tiles<B>(rows).count;
    return Q::With(format, rows, [&]<class M>() { return Tiles<BlockTiling<M>>(rows).count; });
  }
  static size_t PackedRowBytes(WeightFormat format, int64_t inputs) {
    if (format == WeightFormat::kF32) return RowBytes<F>(inputs);
    if (format == WeightFormat::kBF16) return RowBytes<B>(inputs);
    return static_cast<size_t>(BlockRowBytes<VectorBlocks<S>>(inputs));  // as all
  }
  static void PackRows(const PackRowsArgs& args) {
    if (args.format == WeightFormat::kF32) return PackRowsTyped<F>(args);
    if (args.format == WeightFormat::kBF16) return PackRowsTyped<B>(args);
    Q::With(args.format, args.rows, [&]<class M>() { PackBlockRows<S, M>(args); });
  }
  static void Matmul(const MatmulArgs& args) {
    if (args.format == WeightFormat::kF32) return MatmulTyped<S, F>(args);
    if (args.format == WeightFormat::kBF16) return MatmulTyped<S, B>(args);
    Q::With(args.format, args.rows, [&]<class M>() { BlockMatmulImpl<S, M>(args); });
  }
  static double DotProductLoop(WeightFormat format, int64_t rounds) {
    if (format == WeightFormat::kF32) return F::Multiplier::DotProductLoop(rounds);
    if (format == WeightFormat::kBF16) return B::Multiplier::DotProductLoop(rounds);
    return Q::DotProducts::DotProductLoop(rounds);
  }
};

template <class S, class B = Bf16Dot<S>, class Q = VectorBlocksOnly<S>>
constexpr CpuKernels MakeKernels() {
  using Formats = FormatKernels<S, F32Dot<S>, B, Q>;
  return {.num_tiles = Formats::NumTiles,
          .packed_row_bytes = Formats::PackedRowBytes,
          .pack_rows = Formats::PackRows,
          .round_row = RoundRowImpl<S>,
          .to_bf16 = ToBf16Impl<S>,
          .pack_panel = PackPanelImpl<S>,
          .pack_blocks = PackBlocksImpl<S>,
          .matmul = Formats::Matmul,
          .attention = AttentionImpl<S>,
          .rms_norm = RmsNormImpl<S>,
          .add_scaled = AddScaledImpl<S>,
          .row_max = RowMaxImpl<S>,
          .exp_row = ExpRowImpl<S>,
          .dot_product_loop = Formats::DotProductLoop};
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_KERNEL_TABLE_H_
