// The announcement of parcels to the hosts that receive them.

#ifndef OCTET_PARALLEL_DISPATCH_PARCEL_ANNOUNCER_H_
#define OCTET_PARALLEL_DISPATCH_PARCEL_ANNOUNCER_H_

#include <memory>
#include <vector>

#include "parallel/dispatch/host_board.h"
#include "parallel/transport/communicator.h"
#include "parallel/transport/host_topology.h"

namespace octet {

// The announcer on the first rank of each host. The sizes of parcels go from host to host in steps
// of 1, 2, 4, ... hosts, until they reach the hosts of their parcels. All sizes that take the same
// step go in one message, so that each host sends as many messages as the logarithm of the number
// of hosts (Bruck et al., "Efficient algorithms for all-to-all communications in multiport
// message-passing systems", 1997).
class ParcelAnnouncer : public PendingWork {
 public:
  ParcelAnnouncer(Communicator& comm, const HostTopology& hosts, const HostBoard& board);

  // Begins an exchange. The one before must be complete.
  void Begin(int64_t exchange, const Transfer& transfer);

  // Returns true when the ranks of this host can read the parcels that come (HostBoard::incoming).
  bool Poll() override;
  bool all_have_come() const override { return false; }
  int64_t moves() const override { return exchange_->moves(); }
  void Visit(Visitor visit) const override;

 private:
  void TakeOutgoing();
  int Distance(const Parcel& parcel) const;
  void BeginStep();
  void EndStep();

  Communicator& comm_;
  const HostTopology& hosts_;
  const HostBoard& board_;
  const int host_;
  const int num_steps_;
  std::unique_ptr<Exchange> exchange_;

  int64_t number_ = 0;  // of the exchange
  Transfer transfer_ = {};
  bool gathered_ = false;
  int step_ = 0;
  std::vector<Parcel> held_;  // parcels at this host; after the last step, all are for it
  std::vector<Parcel> out_;  // parcels to the next host, after a dummy: a message must not be empty
  std::vector<Parcel> in_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_PARCEL_ANNOUNCER_H_
