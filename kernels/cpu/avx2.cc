#include "kernels/cpu/vec_avx2.h"

#include "kernels/cpu/kernel_table.h"

namespace octet {

constinit const CpuKernels kAvx2Kernels = MakeKernels<Avx2>();

}  // namespace octet
