// Sizes of the processor's caches.

#ifndef OCTET_KERNELS_CPU_CACHE_SIZES_H_
#define OCTET_KERNELS_CPU_CACHE_SIZES_H_

#include <cstddef>

namespace octet {

// Bytes of L2 cache that one core has, as hwloc finds them; a shared cache is divided over its
// cores. 1 MiB where the system does not tell.
size_t L2BytesPerCore();

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_CACHE_SIZES_H_
