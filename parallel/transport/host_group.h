// The ranks of one machine, and memory that they share.

#ifndef OCTET_PARALLEL_TRANSPORT_HOST_GROUP_H_
#define OCTET_PARALLEL_TRANSPORT_HOST_GROUP_H_

#include <absl/status/statusor.h>

#include <cstddef>
#include <vector>

#include "kernels/base/buffer.h"
#include "parallel/transport/communicator.h"
#include "parallel/transport/host_topology.h"

namespace octet {

// Collective: the hosts of the ranks, where ranks of one can see each other's memory: containers
// with a namespace of processes each are hosts of their own.
HostTopology FindHosts(Communicator& comm);

// This rank's host.
struct HostGroup {
  std::vector<int> ranks;  // ascending
  int index = 0;           // of this rank in it

  int size() const { return static_cast<int>(ranks.size()); }
};

HostGroup GroupOf(const HostTopology& hosts, int rank);

// Collective: this rank's, of FindHosts.
HostGroup FindHostGroup(Communicator& comm);

// Collective: zeroed memory, the same for all ranks of a host; each gives the same `bytes`. It goes
// back to the system when the last of them has ended, however it ends. Errors are agreed on.
absl::StatusOr<Buffer> MapHostMemory(Communicator& comm, const HostGroup& host, size_t bytes);

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_HOST_GROUP_H_
