// Tells hosts how much comes to them.

#ifndef OCTET_PARALLEL_DISPATCH_PARCEL_ANNOUNCER_H_
#define OCTET_PARALLEL_DISPATCH_PARCEL_ANNOUNCER_H_

#include <memory>
#include <vector>

#include "parallel/dispatch/host_board.h"
#include "parallel/transport/communicator.h"
#include "parallel/transport/host_topology.h"

namespace octet {

// On the first rank of each host. Parcels' sizes go from host to host in steps of 1, 2, 4, ...
// until they are where their parcels go, together with all that have the same way: so that each
// host sends as many messages as the logarithm of their number (Bruck et al., "Efficient algorithms
// for all-to-all communications in multiport message-passing systems", 1997).
class ParcelAnnouncer : public PendingWork {
 public:
  ParcelAnnouncer(Communicator& comm, const HostTopology& hosts, const HostBoard& board);

  // Begins an exchange when the one before is complete.
  void Begin(int64_t exchange, const Transfer& transfer);

  // True when the host's ranks have been told what comes to them (HostBoard::incoming).
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
  std::vector<Parcel> held_;  // that are on their way
  std::vector<Parcel>
      out_;  // what goes to the next host; the first one is no parcel, so that there is something
  std::vector<Parcel> in_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_PARCEL_ANNOUNCER_H_
