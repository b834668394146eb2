// Arithmetic on this machine's processors.

#ifndef OCTET_KERNELS_CPU_MAKE_CPU_BACKEND_H_
#define OCTET_KERNELS_CPU_MAKE_CPU_BACKEND_H_

#include <memory>

#include "kernels/base/backend.h"
#include "kernels/cpu/isa.h"

namespace octet {

// Makes the CPU backend. `isa` must be supported, and num_threads >= 1.
std::unique_ptr<Backend> MakeCpuBackend(Isa isa, int num_threads);

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_MAKE_CPU_BACKEND_H_
