// The machine as hwloc describes it.

#ifndef OCTET_KERNELS_CPU_MACHINE_TOPOLOGY_H_
#define OCTET_KERNELS_CPU_MACHINE_TOPOLOGY_H_

#include <memory>
#include <string>

struct hwloc_topology;

namespace octet {

struct DestroyTopology {
  void operator()(hwloc_topology* topology) const;
};
using Topology = std::unique_ptr<hwloc_topology, DestroyTopology>;

// Returns the topology of this machine, or null if hwloc can't find it out. Only read it. The first
// call loads it, which takes milliseconds.
hwloc_topology* MachineTopology();

// Returns the topology of a machine in hwloc's notation, such as "numa:2 core:8 pu:2". Null if
// hwloc can't read it.
Topology SyntheticTopology(const std::string& description);

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_MACHINE_TOPOLOGY_H_
