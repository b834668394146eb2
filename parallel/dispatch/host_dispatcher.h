// The exchange of rows that lie in memory of hosts.

#ifndef OCTET_PARALLEL_DISPATCH_HOST_DISPATCHER_H_
#define OCTET_PARALLEL_DISPATCH_HOST_DISPATCHER_H_

#include <absl/status/status.h>

#include <memory>
#include <optional>
#include <vector>

#include "kernels/base/backend.h"
#include "kernels/base/workspace.h"
#include "parallel/dispatch/dispatcher.h"
#include "parallel/dispatch/expert_plan.h"
#include "parallel/dispatch/host_board.h"
#include "parallel/dispatch/parcel_receiver.h"
#include "parallel/dispatch/replica_choice.h"
#include "parallel/dispatch/send_plan.h"
#include "parallel/transport/communicator.h"

namespace octet {

// The dispatcher whose rows lie in memory of hosts. Ranks of one host read each other's tokens
// where they were staged, in memory of the host, and write outputs where the home reads them. A
// token goes to another host once, to one rank there, after a letter that names its owners.
class HostDispatcher : public Dispatcher {
 public:
  // Collective. If the ranks of a host can't share memory, they send each other messages, as ranks
  // of different hosts do, and shared_memory() says why.
  HostDispatcher(Communicator& comm, const ExpertPlacement& placement, Backend& backend,
                 Workspace& workspace, const DispatchLimits& limits, ReplicaPolicy policy);
  HostDispatcher(const HostDispatcher&) = delete;
  HostDispatcher& operator=(const HostDispatcher&) = delete;
  ~HostDispatcher() override { backend_.UnshareHostMemory({memory_.data(), memory_.bytes()}); }

  const absl::Status& shared_memory() const override { return shared_memory_; }

  // Without shared memory, each rank is a host of its own.
  const HostTopology& hosts() const override { return hosts_; }

  // Bytes of memory that this rank's host reserves for the exchange.
  size_t host_bytes() const { return board_.bytes(); }

  void SetTokens(int64_t, int64_t room) override { OCTET_CHECK_EQ(room, 0); }
  void Await() override {}
  RoutingPlace routing_place() override { return {}; }
  void ExpertsMoved(int layer) override;
  TokensInFlight Dispatch(int layer, ConstMatrix x, const Routing& routing) override;

 private:
  class RoundArrives;

  // The pairs of one home that this rank serves.
  struct Source {
    int home;
    bool leaves;  // its returns leave this host
    IncomingPairs pairs;
    int32_t num_returns;
  };

  void MapBoard();
  void Reserve();

  void ChooseOwners(int layer, const Routing& routing);
  void CountReadInPlace(const SendPlan& plan);
  void ReceiveReturns(int layer, const SendPlan& plan);
  void SendToOtherHosts(int layer, const SendPlan& plan);

  const ExpertPlan* NextPart(int layer) override;
  ConstMatrix tokens() const override { return board_.tokens(); }
  bool NextRound(int layer);
  void FindSources();
  // first_result: the row where the home's room for returns begins, or kLeaves if the home is on
  // another host.
  static constexpr int32_t kLeaves = -1;
  void AddSource(int home, const Letter& letter, int32_t first_row, int32_t first_result);
  void Return(int layer, ConstMatrix out) override;
  void FinishLeaving();

  void Combine(int layer, SendPlan plan, Matrix y) override;

  Workspace& host_workspace() { return backend_.is_on_host() ? workspace_ : host_workspace_; }
  Matrix OwnTokens(int64_t rows) const {
    return board_.tokens().Rows(board_.own_tokens(index_), rows);
  }
  int RankOnHost(int index) const { return hosts_.ranks_of(hosts_.host_of(comm_.rank()))[index]; }

  Communicator& comm_;
  const ExpertPlacement& placement_;
  Backend& backend_;
  Workspace& workspace_;
  Workspace host_workspace_;  // used if the device is not the host
  const DispatchLimits limits_;
  const ReplicaPolicy policy_;
  absl::Status shared_memory_;
  HostTopology hosts_;
  int index_ = 0;  // of this rank on its host
  HostBoard board_;
  Buffer memory_;                                // of the board
  std::vector<std::vector<int>> local_experts_;  // [layers]
  std::optional<ReplicaChooser> replicas_;

  int64_t number_ = 0;                                    // of the exchange
  int64_t ticket_ = 0;                                    // of its messages
  std::optional<ParcelReceiver> receiver_;                // if there are other hosts
  std::unique_ptr<Exchange> letters_, tokens_;            // to other hosts
  std::unique_ptr<Exchange> returned_, leaving_returns_;  // from other hosts and to them
  bool returns_are_leaving_ = false;

  int round_ = 0;                // the round that is computed, from 1
  std::vector<Source> sources_;  // of the round
  int64_t first_source_ = 0;     // the first source of the part that is computed
  int64_t next_source_ = 0;      // the first source after that part
  ExpertPlan expert_plan_;       // of that part

  // Memory that is kept from one exchange to the next.
  std::vector<int32_t> owner_of_;
  std::vector<int> owners_here_;  // the owners on this host of this rank's tokens
  SendPlan spare_plan_;
  std::vector<Parcel> parcels_;
  std::vector<std::byte> letter_bytes_;
  std::vector<IncomingPairs> pairs_;
  std::vector<Outgoing> send_;
  std::vector<Incoming> recv_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_HOST_DISPATCHER_H_
