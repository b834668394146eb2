#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/vec_avx512.h"

namespace octet {

constinit const CpuKernels kAvx512VnniKernels = MakeKernels<Avx512Vnni>();

}  // namespace octet
