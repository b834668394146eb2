// Packing of weights into panels.

#ifndef OCTET_KERNELS_CPU_PACK_H_
#define OCTET_KERNELS_CPU_PACK_H_

#include "kernels/matrix.h"
#include "kernels/packed_matrix.h"

namespace octet {

// Writes one panel of w from its rows: [at most 16, w.cols] of any dtype. Missing rows become
// zeros.
void PackPanel(ConstMatrix rows, int64_t panel, PackedMatrix& w);

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_PACK_H_
