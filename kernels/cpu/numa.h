// Where threads run and their memory lies on machines with several NUMA nodes.

#ifndef OCTET_KERNELS_CPU_NUMA_H_
#define OCTET_KERNELS_CPU_NUMA_H_

#include <utility>
#include <vector>

#include "kernels/cpu/machine_topology.h"

namespace octet {

// Numbers of the operating system, ascending.
struct NumaShare {
  std::vector<int> cores;  // hardware threads; all of the nodes
  std::vector<int> nodes;
};

// The nodes and cores that the calling thread may use.
class NumaTopology {
 public:
  NumaTopology();

  // Another machine's.
  explicit NumaTopology(Topology topology) : topology_(std::move(topology)) {}

  int num_nodes() const;  // 0 where hwloc finds nothing out

  // What share number `index` of `count` equal ones uses: whole nodes, as near to each other as
  // can be. Where shares are more than nodes, several use the same.
  NumaShare Divide(int index, int count) const;

  // From now on the calling thread and those that it starts run on the share's cores, and use
  // memory of the node of whoever touches it first; of all nodes in turn where the share has
  // several, for then no thread's memory is known. False where the system refuses.
  bool Bind(const NumaShare& share) const;

 private:
  Topology topology_;  // null: not found out
};

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_NUMA_H_
