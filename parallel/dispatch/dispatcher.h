// The exchange that takes tokens to the ranks of their experts, and the outputs back.

#ifndef OCTET_PARALLEL_DISPATCH_DISPATCHER_H_
#define OCTET_PARALLEL_DISPATCH_DISPATCHER_H_

#include <absl/status/status.h>

#include <memory>
#include <optional>
#include <vector>

#include "kernels/base/backend.h"
#include "kernels/base/workspace.h"
#include "parallel/dispatch/expert_plan.h"
#include "parallel/dispatch/host_board.h"
#include "parallel/dispatch/parcel_receiver.h"
#include "parallel/dispatch/replica_choice.h"
#include "parallel/dispatch/send_plan.h"
#include "parallel/transport/communicator.h"

namespace octet {

class Dispatcher;

// The tokens of one rank on their way to their experts, and the tokens of others on their way to
// this rank's experts. Collective, as is OutputsInFlight: every rank takes each step for every
// layer, in the same order, even without tokens. Between the steps, while tokens travel, a rank may
// do other work.
class TokensInFlight {
 public:
  // Waits for the next tokens that this rank's experts must compute, as many as it has room for.
  // Returns null when there are no more. The plan is valid until the next call.
  const ExpertPlan* Next();

  // The tokens to which the indices of ExpertPlan::rows refer: [.., hidden_size], in the dtype that
  // experts read.
  ConstMatrix rows() const;

  // Sends the outputs of the tokens of the last Next() to their homes. out:
  // [ExpertPlan::rows.size(), hidden_size] float32.
  void Return(ConstMatrix out);

  // The plan of this rank's own tokens.
  const SendPlan& plan() const { return plan_; }

 private:
  friend class Dispatcher;
  friend class OutputsInFlight;
  TokensInFlight(Dispatcher& dispatcher, int layer, SendPlan plan, Workspace::Scope scope)
      : dispatcher_(&dispatcher), layer_(layer), plan_(std::move(plan)), scope_(std::move(scope)) {}

  Dispatcher* dispatcher_;
  int layer_;
  SendPlan plan_;
  Workspace::Scope scope_;  // holds the memory of the messages
};

// The outputs of experts on their way to the homes of their tokens.
class OutputsInFlight {
 public:
  // Call it after TokensInFlight::Next() has returned null.
  explicit OutputsInFlight(TokensInFlight tokens) : sent_(std::move(tokens)) {}

  // Waits until the outputs have come. Then y[t] = the sum of token t's slots, each times its gate
  // weight, in slot order. y: [own tokens, hidden_size].
  void Combine(Matrix y) &&;

 private:
  TokensInFlight sent_;
};

// The two all-to-alls of every MoE layer, one layer at a time. Other dispatchers' exchanges may be
// in flight at the same time.
//
// Ranks of one host read each other's tokens where they were staged, in memory of the host, and
// write outputs where the home reads them. A token goes to another host once, to one rank there,
// after a letter that names its owners.
class Dispatcher {
 public:
  // Collective. If the ranks of a host can't share memory, they send each other messages, as ranks
  // of different hosts do, and shared_memory() says why.
  Dispatcher(Communicator& comm, const ExpertPlacement& placement, Backend& backend,
             Workspace& workspace, const DispatchLimits& limits, ReplicaPolicy policy);
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;
  ~Dispatcher() { backend_.UnshareHostMemory({memory_.data(), memory_.bytes()}); }

  // OK if the ranks of this host read each other's rows in place; otherwise the reason why not.
  const absl::Status& shared_memory() const { return shared_memory_; }

  // The hosts of the ranks, as the exchange sees them: without shared memory, each rank is a host
  // of its own.
  const HostTopology& hosts() const { return hosts_; }

  // Bytes of memory that this rank's host reserves for the exchange.
  size_t host_bytes() const { return board_.bytes(); }

  // Adopts the new placement of the experts of this layer. Call it on all ranks, with nothing in
  // flight.
  void ExpertsMoved(int layer);

  // Collective: starts to send this rank's tokens to their experts. x: [own tokens, hidden_size]
  // float32. `routing` is read when the backend has computed what was asked of it before.
  TokensInFlight Dispatch(int layer, ConstMatrix x, const Routing& routing);

 private:
  friend class TokensInFlight;
  friend class OutputsInFlight;
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

  const ExpertPlan* NextPart(int layer);
  bool NextRound(int layer);
  void FindSources();
  // first_result: the row where the home's room for returns begins, or kLeaves if the home is on
  // another host.
  static constexpr int32_t kLeaves = -1;
  void AddSource(int home, const Letter& letter, int32_t first_row, int32_t first_result);
  void Return(int layer, ConstMatrix out);
  void FinishLeaving();

  void Combine(int layer, SendPlan plan, Matrix y);

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

#endif  // OCTET_PARALLEL_DISPATCH_DISPATCHER_H_
