// The instantiation of every kernel for one path.

#ifndef OCTET_KERNELS_CPU_KERNEL_TABLE_H_
#define OCTET_KERNELS_CPU_KERNEL_TABLE_H_

#include "kernels/cpu/attention_impl.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/elementwise_impl.h"
#include "kernels/cpu/matmul_impl.h"
#include "kernels/cpu/pack_impl.h"

namespace octet {

// S: the vectors of the path, such as Avx2. B: its multiplication of bfloat16.
template <class S, class B = Bf16Dot<S>>
constexpr CpuKernels MakeKernels() {
  using F = F32Dot<S>;
  return {.num_tiles = NumTilesImpl<F, B>,
          .packed_row_bytes = PackedRowBytesImpl<F, B>,
          .pack_rows = PackRowsImpl<F, B>,
          .pack_panel = PackPanelImpl<S>,
          .matmul = MatmulImpl<S, F, B>,
          .attention = AttentionImpl<S>,
          .rms_norm = RmsNormImpl<S>,
          .add_scaled = AddScaledImpl<S>,
          .row_max = RowMaxImpl<S>,
          .exp_row = ExpRowImpl<S>,
          .dot_product_loop = DotProductLoopImpl<F, B>};
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_KERNEL_TABLE_H_
