// Tokens to the ranks of their experts, and back.

#ifndef OCTET_PARALLEL_DISPATCH_DISPATCHER_H_
#define OCTET_PARALLEL_DISPATCH_DISPATCHER_H_

#include <absl/status/status.h>

#include <vector>

#include "kernels/base/backend.h"
#include "kernels/base/workspace.h"
#include "parallel/dispatch/dispatch_plan.h"
#include "parallel/transport/communicator.h"

namespace octet {

// What a dispatcher has room for.
struct DispatchLimits {
  int64_t max_tokens = 0;  // of one rank in one step
  int64_t hidden_size = 0;
  int topk = 0;
  DType dtype = DType::kF32;  // of the rows that experts read
};

// The two all-to-alls of every MoE layer, one layer at a time. While one is in flight, other work
// may be done, another dispatcher's exchanges included, in the same order on every rank.
//
// Ranks of one host read each other's rows where they were written. A rank writes over them when no
// other can still read them: a token when all that it became has come back, an output when its
// reader's next routing has come.
class Dispatcher {
 public:
  // Collective. Ranks that can't share memory send each other messages, as those of different hosts
  // do; shared_memory() says so.
  Dispatcher(Communicator& comm, const ExpertPlacement& placement, Backend& backend,
             Workspace& workspace, const DispatchLimits& limits);

  // Why the ranks of this one's host don't read each other's rows in place; OK where they do.
  const absl::Status& shared_memory() const { return shared_memory_; }

  // Lays this rank's tokens where the ranks of its host read them, once Plan has told them. x: [own
  // tokens, hidden_size] float32.
  void StageTokens(ConstMatrix x);

  // Collective: tells every rank what the others' tokens need. Valid until the next call.
  const DispatchPlan& Plan(int layer, const Routing& routing);

  // Collective: sends the tokens that were laid to the ranks of other hosts whose experts need
  // them.
  void StartDispatch(int layer, const DispatchPlan& plan);

  // Collective: they have come. Returns the rows that plan.expert_rows counts: [.., hidden_size] of
  // the experts' dtype.
  ConstMatrix FinishDispatch();

  // Collective: sends the outputs of this rank's experts home. out: [(token, slot) pairs of this
  // rank's experts, hidden_size], in the order of plan.expert_rows.
  void StartCombine(int layer, ConstMatrix out, const DispatchPlan& plan);

  // Collective: y[t] = the sum of token t's slots, each times its gate weight, in slot order. y:
  // [own tokens, hidden].
  void FinishCombine(const DispatchPlan& plan, Matrix y);

 private:
  struct HostRows {
    RowLayout layout;
    Buffer memory;
    absl::Status shared;
  };
  static HostRows MapHostRows(Communicator& comm, Backend& backend, const DispatchLimits& limits);

  Dispatcher(Communicator& comm, const ExpertPlacement& placement, Backend& backend,
             Workspace& workspace, const DispatchLimits& limits, HostRows rows);

  void ExchangeRouting(int layer, const Routing& routing);

  Communicator& comm_;
  Backend& backend_;
  Workspace& workspace_;
  DispatchLimits limits_;
  absl::Status shared_memory_;
  RowLayout layout_;
  Buffer memory_;      // of the host
  Matrix tokens_;      // [layout_.num_tokens, hidden_size] of the experts' dtype
  Matrix returns_;     // [layout_.num_returns, hidden_size] float32
  Matrix own_tokens_;  // that were laid

  std::vector<std::byte> routing_message_;
  std::vector<std::vector<std::byte>> routing_messages_;  // [ranks]
  std::vector<Routing> routing_;                          // [ranks]
  DispatchPlanner planner_;
  std::unique_ptr<Exchange> exchange_;  // of the tokens, then of the outputs
  std::vector<ConstBytes> send_;
  std::vector<Bytes> recv_;
  std::vector<std::byte> notes_;  // [ranks] that outputs can be read
};

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_DISPATCHER_H_
