// The ranks of one machine, and memory that they share.

#ifndef OCTET_PARALLEL_TRANSPORT_HOST_GROUP_H_
#define OCTET_PARALLEL_TRANSPORT_HOST_GROUP_H_

#include <absl/status/statusor.h>

#include <cstddef>
#include <string>
#include <vector>

#include "kernels/base/buffer.h"
#include "parallel/transport/communicator.h"
#include "parallel/transport/host_topology.h"

namespace octet {

// Collective: finds the hosts of the ranks. Ranks of one host can see each other's memory: a
// container with its own namespace of processes is a host of its own.
HostTopology FindHosts(Communicator& comm);

// The ranks of this rank's host.
struct HostGroup {
  std::vector<int> ranks;  // ascending
  int index = 0;           // of this rank in it

  int size() const { return static_cast<int>(ranks.size()); }
};

HostGroup GroupOf(const HostTopology& hosts, int rank);

// Collective: returns the group of this rank, by FindHosts.
HostGroup FindHostGroup(Communicator& comm);

// Collective: maps zeroed memory, the same for all ranks of a host. Each rank gives the same
// `bytes`. The memory goes back to the system when the last of these ranks has ended, however it
// ends. All ranks get the same error. path: a file of so many bytes that takes its place, the same
// on all ranks of a host; empty: none.
absl::StatusOr<Buffer> MapHostMemory(Communicator& comm, const HostGroup& host, size_t bytes,
                                     const std::string& path = "");

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_HOST_GROUP_H_
