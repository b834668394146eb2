// The receiver of parcels from other hosts.

#ifndef OCTET_PARALLEL_DISPATCH_PARCEL_RECEIVER_H_
#define OCTET_PARALLEL_DISPATCH_PARCEL_RECEIVER_H_

#include <memory>
#include <optional>
#include <vector>

#include "parallel/dispatch/arrivals.h"
#include "parallel/dispatch/host_board.h"
#include "parallel/dispatch/parcel_announcer.h"
#include "parallel/transport/communicator.h"

namespace octet {

// The receiver of one rank's share of the parcels for its host. Letters and tokens arrive in the
// rank's part of the board, in rounds. A round begins when the ranks of the host have consumed the
// round before. The first rank of the host also has the announcer.
class ParcelReceiver : public PendingWork {
 public:
  ParcelReceiver(Communicator& comm, const HostTopology& hosts, const HostBoard& board,
                 const DispatchLimits& limits);

  // Begins an exchange. The one before must be complete. All messages of an exchange have one
  // ticket.
  void Begin(int64_t exchange, int layer, int64_t ticket);

  // Returns true when this rank has received all of its share.
  bool Poll() override;
  bool all_have_come() const override;
  int64_t moves() const override;
  void Visit(Visitor visit) const override;

  // The parcels for all ranks of this host, once they are announced.
  bool is_announced() const { return is_announced_; }
  std::span<const Arrival> arrivals() const { return arrivals_; }
  int num_rounds() const { return num_rounds_; }

  // Returns whether a parcel has arrived, and, once it has, its letter.
  bool HasArrived(const Arrival& arrival) const;
  Letter ReadLetter(const Arrival& arrival) const;

 private:
  bool CheckAnnounced();
  bool RoundIsConsumed() const;
  void BeginRound();

  Communicator& comm_;
  const HostTopology& hosts_;
  const HostBoard& board_;
  const DispatchLimits limits_;
  const int index_;  // of this rank on its host
  std::optional<ParcelAnnouncer> announcer_;
  std::unique_ptr<Exchange> letters_, tokens_;

  int64_t number_ = 0;  // of the exchange
  int layer_ = 0;
  int64_t ticket_ = 0;
  bool is_announced_ = false;
  bool in_round_ = false;
  int round_ = 0;       // the current one, or, between rounds, the next one
  int own_rounds_ = 0;  // of this rank
  int num_rounds_ = 0;  // of the host
  std::vector<Arrival> arrivals_;
  std::vector<Incoming> recv_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_PARCEL_RECEIVER_H_
