#include "kernels/cpu/numa.h"

#include <hwloc.h>

#include <climits>
#include <memory>

namespace octet {
namespace {

struct FreeBitmap {
  void operator()(hwloc_bitmap_s* bitmap) const { hwloc_bitmap_free(bitmap); }
};
using Bitmap = std::unique_ptr<hwloc_bitmap_s, FreeBitmap>;

Bitmap MakeBitmap(const std::vector<int>& numbers = {}) {
  Bitmap bitmap(hwloc_bitmap_alloc());
  for (const int i : numbers) hwloc_bitmap_set(bitmap.get(), static_cast<unsigned>(i));
  return bitmap;
}

std::vector<int> Numbers(const hwloc_bitmap_s* bitmap) {
  std::vector<int> numbers;
  for (int i = hwloc_bitmap_first(bitmap); i >= 0; i = hwloc_bitmap_next(bitmap, i)) {
    numbers.push_back(i);
  }
  return numbers;
}

}  // namespace

NumaTopology::NumaTopology() {
  hwloc_topology_t mine = nullptr;
  if (MachineTopology() == nullptr || hwloc_topology_dup(&mine, MachineTopology()) != 0) return;
  topology_.reset(mine);
  const Bitmap cores = MakeBitmap();
  if (hwloc_get_cpubind(mine, cores.get(), HWLOC_CPUBIND_THREAD) != 0 ||
      hwloc_topology_restrict(mine, cores.get(), HWLOC_RESTRICT_FLAG_REMOVE_CPULESS) != 0) {
    topology_.reset();
  }
}

int NumaTopology::num_nodes() const {
  return topology_ == nullptr ? 0 : hwloc_get_nbobjs_by_type(topology_.get(), HWLOC_OBJ_NUMANODE);
}

NumaShare NumaTopology::Divide(int index, int count) const {
  if (num_nodes() == 0) return {};
  std::vector<hwloc_cpuset_t> sets(count);
  hwloc_obj_t root = hwloc_get_root_obj(topology_.get());
  if (hwloc_distrib(topology_.get(), &root, 1, sets.data(), count, INT_MAX, 0) != 0) return {};
  const std::vector<Bitmap> owned(sets.begin(), sets.end());
  const Bitmap nodes = MakeBitmap();
  const Bitmap cores = MakeBitmap();
  hwloc_cpuset_to_nodeset(topology_.get(), sets[index], nodes.get());
  hwloc_cpuset_from_nodeset(topology_.get(), cores.get(), nodes.get());
  return {.cores = Numbers(cores.get()), .nodes = Numbers(nodes.get())};
}

bool NumaTopology::Bind(const NumaShare& share) const {
  const Bitmap cores = MakeBitmap(share.cores);
  const Bitmap nodes = MakeBitmap(share.nodes);
  if (hwloc_set_cpubind(topology_.get(), cores.get(), HWLOC_CPUBIND_THREAD) != 0) return false;
  return share.nodes.size() <= 1 ||
         hwloc_set_membind(topology_.get(), nodes.get(), HWLOC_MEMBIND_INTERLEAVE,
                           HWLOC_MEMBIND_THREAD | HWLOC_MEMBIND_BYNODESET) == 0;
}

}  // namespace octet
