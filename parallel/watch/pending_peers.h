// The ranks that a rank waits for.

#ifndef OCTET_PARALLEL_WATCH_PENDING_PEERS_H_
#define OCTET_PARALLEL_WATCH_PENDING_PEERS_H_

#include <absl/functional/function_ref.h>

#include <cstdint>

namespace octet {

// The peers of a wait: some ranks of a group, each of which has to do a part.
class PendingPeers {
 public:
  struct Peer {
    int rank;       // of the group
    bool late;      // it has not done its part
    int64_t moved;  // parts of messages that have gone to it or come from it
  };

  virtual ~PendingPeers() = default;

  // Visits each of these ranks at least once.
  using Visitor = absl::FunctionRef<void(const Peer&)>;
  virtual void Visit(Visitor visit) const = 0;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_PENDING_PEERS_H_
