// The ranks of one machine, and memory that they share.

#ifndef OCTET_PARALLEL_TRANSPORT_HOST_GROUP_H_
#define OCTET_PARALLEL_TRANSPORT_HOST_GROUP_H_

#include <absl/status/statusor.h>

#include <cstddef>
#include <vector>

#include "kernels/base/buffer.h"
#include "parallel/transport/communicator.h"

namespace octet {

// Ranks that can see each other's memory: same host, and the same namespace of processes where
// containers divide it.
struct HostGroup {
  std::vector<int> ranks;  // ascending
  int index = 0;           // of this rank in it

  int size() const { return static_cast<int>(ranks.size()); }
};

// Collective.
HostGroup FindHostGroup(Communicator& comm);

// Collective: zeroed memory, the same for all ranks of a host; each gives the same `bytes`. It goes
// back to the system when the last of them has ended, however it ends. Errors are agreed on.
absl::StatusOr<Buffer> MapHostMemory(Communicator& comm, const HostGroup& host, size_t bytes);

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_HOST_GROUP_H_
