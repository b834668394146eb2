// How many threads a rank starts, and on which cores.

#ifndef OCTET_LAUNCH_THREAD_PLACEMENT_H_
#define OCTET_LAUNCH_THREAD_PLACEMENT_H_

#include <string>
#include <vector>

#include "parallel/transport/communicator.h"

namespace octet {

// Collective: `wanted` threads or, when it is 0, the cores that this process may use, divided by
// the ranks of its host that may use the same ones. A launcher that has bound each rank to cores of
// its own has divided them already.
int CountThreads(Communicator& world, int wanted);

// Collective: as many, which this thread is going to start. Where the host has several NUMA nodes
// they stay on those of this rank's share, with the memory that they use; that the system refuses
// this is a warning.
int PlaceThreads(Communicator& world, int wanted, std::vector<std::string>& warnings);

}  // namespace octet

#endif  // OCTET_LAUNCH_THREAD_PLACEMENT_H_
