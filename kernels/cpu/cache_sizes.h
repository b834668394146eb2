// The sizes of the processor's caches.

#ifndef OCTET_KERNELS_CPU_CACHE_SIZES_H_
#define OCTET_KERNELS_CPU_CACHE_SIZES_H_

#include <cstddef>

struct hwloc_topology;

namespace octet {

// The sizes in bytes, as hwloc finds them; 0 if the system does not tell.
struct CacheBytes {
  size_t l1d = 0;  // of a core
  size_t l2 = 0;   // of a core: a shared cache is divided over its cores
  size_t l3 = 0;   // the whole cache, which cores share
};

// Returns the sizes of the first cache of each level.
CacheBytes FindCaches(hwloc_topology* topology);

// Returns the size on this machine; 1 MiB if the system does not tell.
size_t L2BytesPerCore();

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_CACHE_SIZES_H_
