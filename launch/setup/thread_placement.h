// The number of threads of a rank, and their cores.

#ifndef OCTET_LAUNCH_SETUP_THREAD_PLACEMENT_H_
#define OCTET_LAUNCH_SETUP_THREAD_PLACEMENT_H_

#include <string>
#include <vector>

#include "parallel/transport/communicator.h"

namespace octet {

// Collective. Returns `wanted` or, if it is 0, the number of cores that this process may use,
// divided by the ranks of its host that may use the same ones. If a launcher has bound each rank to
// cores of its own, it has divided them already.
int CountThreads(Communicator& world, int wanted);

// Collective. Returns the same number, for threads that this thread will start. If the host has
// several NUMA nodes, binds the threads to the nodes of this rank's share, with the memory that
// they use. If the system refuses this, adds a warning.
int PlaceThreads(Communicator& world, int wanted, std::vector<std::string>& warnings);

// Collective. Returns the NUMA nodes of this rank's share of its host, by the numbers of the
// operating system; none if they are not known.
std::vector<int> NodesOfThisRank(Communicator& world);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_THREAD_PLACEMENT_H_
