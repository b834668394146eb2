#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/vec_avx2.h"

namespace octet {

constinit const CpuKernels kAvxVnniKernels = MakeKernels<AvxVnni>();

}  // namespace octet
