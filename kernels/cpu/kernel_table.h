// Instantiates every kernel for one path.

#ifndef OCTET_KERNELS_CPU_KERNEL_TABLE_H_
#define OCTET_KERNELS_CPU_KERNEL_TABLE_H_

#include "kernels/cpu/attention_impl.h"
#include "kernels/cpu/cpu_kernels.h"
#include "kernels/cpu/elementwise_impl.h"
#include "kernels/cpu/matmul_impl.h"

namespace octet {

// S: Avx2, Avx512 or Avx512Bf16.
template <class S>
constexpr CpuKernels MakeKernels() {
  return {.num_tiles = NumTilesImpl<S>,
          .pack_rows = PackRowsImpl<S>,
          .matmul = MatmulImpl<S>,
          .attention = AttentionImpl<S>,
          .rms_norm = RmsNormImpl<S>,
          .add_scaled = AddScaledImpl<S>,
          .row_max = RowMaxImpl<S>,
          .exp_row = ExpRowImpl<S>,
          .dot_product_loop = DotProductLoopImpl<S>};
}

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_KERNEL_TABLE_H_
