#include "kernels/cpu/cache_sizes.h"

#include <hwloc.h>

#include <algorithm>

namespace octet {
namespace {

size_t AskHwloc() {
  constexpr size_t kUnknown = size_t{1} << 20;
  hwloc_topology_t topology = nullptr;
  if (hwloc_topology_init(&topology) != 0) return kUnknown;
  // Else it would move this thread from core to core to ask each.
  hwloc_topology_set_flags(topology, HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING);
  size_t bytes = 0;
  if (hwloc_topology_load(topology) == 0) {
    const hwloc_obj_t cache = hwloc_get_obj_by_type(topology, HWLOC_OBJ_L2CACHE, 0);
    if (cache != nullptr) {
      const int cores =
          hwloc_get_nbobjs_inside_cpuset_by_type(topology, cache->cpuset, HWLOC_OBJ_CORE);
      bytes = cache->attr->cache.size / std::max(cores, 1);
    }
  }
  hwloc_topology_destroy(topology);
  return bytes > 0 ? bytes : kUnknown;
}

}  // namespace

size_t L2BytesPerCore() {
  static const size_t kBytes = AskHwloc();  // once: it takes milliseconds
  return kBytes;
}

}  // namespace octet
