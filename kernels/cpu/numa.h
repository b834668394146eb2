// The places of threads and of their memory on machines with several NUMA nodes.

#ifndef OCTET_KERNELS_CPU_NUMA_H_
#define OCTET_KERNELS_CPU_NUMA_H_

#include <utility>
#include <vector>

#include "kernels/cpu/machine_topology.h"

namespace octet {

// The cores and nodes of one share, by the numbers of the operating system, ascending.
struct NumaShare {
  std::vector<int> cores;  // all hardware threads of the nodes
  std::vector<int> nodes;
};

// The nodes and cores that the calling thread may use.
class NumaTopology {
 public:
  NumaTopology();

  // For another machine.
  explicit NumaTopology(Topology topology) : topology_(std::move(topology)) {}

  int num_nodes() const;  // 0 if hwloc can't find it out

  // Returns share number `index` of `count` equal shares: whole nodes, as near to each other as
  // possible. If there are more shares than nodes, several shares use the same node.
  NumaShare Divide(int index, int count) const;

  // From now on, the calling thread and those that it starts run on the share's cores. Memory comes
  // from the node of the thread that touches it first. If the share has several nodes, memory comes
  // from all of them in turn, because it is not known which thread uses it. Returns false if the
  // system refuses.
  bool Bind(const NumaShare& share) const;

 private:
  Topology topology_;  // null if not found out
};

}  // namespace octet

#endif  // OCTET_KERNELS_CPU_NUMA_H_
