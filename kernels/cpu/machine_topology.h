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

// This machine's; null where hwloc finds nothing out. Only to be read; loaded by the first call,
// as it takes milliseconds.
hwloc_topology* MachineTopology();

// That of a machine that hwloc describes so, such as "numa:2 core:8 pu:2"; null where it can't.
Topology SyntheticTopology(const std::string& description);

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_MACHINE_TOPOLOGY_H_
