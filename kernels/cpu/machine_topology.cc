#include "kernels/cpu/machine_topology.h"

#include <hwloc.h>

namespace octet {
namespace {

Topology NewTopology() {
  hwloc_topology_t topology = nullptr;
  if (hwloc_topology_init(&topology) != 0) return nullptr;
  return Topology(topology);
}

Topology LoadMachine() {
  Topology topology = NewTopology();
  if (topology == nullptr) return nullptr;
  // Otherwise hwloc moves this thread from core to core to ask each.
  hwloc_topology_set_flags(topology.get(), HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING);
  if (hwloc_topology_load(topology.get()) != 0) return nullptr;
  return topology;
}

}  // namespace

void DestroyTopology::operator()(hwloc_topology* topology) const {
  hwloc_topology_destroy(topology);
}

hwloc_topology* MachineTopology() {
  static const Topology kMachine = LoadMachine();
  return kMachine.get();
}

Topology SyntheticTopology(const std::string& description) {
  Topology topology = NewTopology();
  if (topology == nullptr ||
      hwloc_topology_set_synthetic(topology.get(), description.c_str()) != 0 ||
      hwloc_topology_load(topology.get()) != 0) {
    return nullptr;
  }
  return topology;
}

}  // namespace octet
