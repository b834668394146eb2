#include "kernels/cpu/cache_sizes.h"

#include <hwloc.h>

#include <algorithm>

#include "kernels/cpu/machine_topology.h"

namespace octet {
namespace {

size_t Bytes(hwloc_obj_t cache) { return cache == nullptr ? 0 : cache->attr->cache.size; }

}  // namespace

CacheBytes FindCaches(hwloc_topology* topology) {
  if (topology == nullptr) return {};
  const auto first = [&](hwloc_obj_type_t type) {
    return hwloc_get_obj_by_type(topology, type, 0);
  };
  CacheBytes bytes = {.l1d = Bytes(first(HWLOC_OBJ_L1CACHE)),
                      .l2 = Bytes(first(HWLOC_OBJ_L2CACHE)),
                      .l3 = Bytes(first(HWLOC_OBJ_L3CACHE))};
  if (const hwloc_obj_t l2 = first(HWLOC_OBJ_L2CACHE); l2 != nullptr) {
    const int cores = hwloc_get_nbobjs_inside_cpuset_by_type(topology, l2->cpuset, HWLOC_OBJ_CORE);
    bytes.l2 /= static_cast<size_t>(std::max(cores, 1));
  }
  return bytes;
}

size_t L2BytesPerCore() {
  const size_t bytes = FindCaches(MachineTopology()).l2;
  return bytes > 0 ? bytes : size_t{1} << 20;
}

}  // namespace octet
