// Tokens to the ranks of their experts, and back.

#ifndef OCTET_PARALLEL_DISPATCHER_H_
#define OCTET_PARALLEL_DISPATCHER_H_

#include <vector>

#include "kernels/backend.h"
#include "kernels/workspace.h"
#include "parallel/communicator.h"
#include "parallel/dispatch_plan.h"

namespace octet {

// The two all-to-alls of every MoE layer, one layer at a time. While one is in flight, other work
// may be done, another dispatcher's exchanges included, in the same order on every rank.
class Dispatcher {
 public:
  // `max_tokens` bounds the tokens of one rank in one step. Experts read rows of `dtype`.
  Dispatcher(Communicator& comm, const ExpertPlacement& placement, Backend& backend,
             Workspace& workspace, int64_t max_tokens, DType dtype);

  // Collective: tells every rank what the others' tokens need. Valid until the next call.
  const DispatchPlan& Plan(int layer, const Routing& routing);

  // Collective: sends each token to the ranks whose experts need it. x: [own tokens, hidden]
  // float32.
  void StartDispatch(int layer, ConstMatrix x, const DispatchPlan& plan);

  // Collective: what has come: [plan.num_rows(), hidden] of the experts' dtype, by home rank and
  // token.
  Matrix FinishDispatch();

  // Collective: sends the outputs of this rank's experts home. out: [(token, slot) pairs of this
  // rank's experts, hidden], in the order of plan.expert_rows.
  void StartCombine(int layer, ConstMatrix out, const DispatchPlan& plan);

  // Collective: y[t] = the sum of token t's slots, each times its gate weight, in slot order. y:
  // [own tokens, hidden].
  void FinishCombine(const DispatchPlan& plan, Matrix y);

 private:
  void ExchangeRouting(int layer, const Routing& routing);

  Communicator& comm_;
  Backend& backend_;
  Workspace& workspace_;
  int64_t max_tokens_;
  DType dtype_;

  std::vector<std::byte> routing_message_;
  std::vector<std::vector<std::byte>> routing_messages_;  // [ranks]
  std::vector<Routing> routing_;                          // [ranks]
  DispatchPlanner planner_;
  std::unique_ptr<Exchange> exchange_;  // of the tokens, then of the outputs
  Matrix rows_;                         // that come to the experts
  Matrix returned_;                     // that come back
  std::vector<ConstBytes> send_;
  std::vector<Bytes> recv_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCHER_H_
