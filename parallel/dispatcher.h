// Tokens to the ranks of their experts, and back.

#ifndef OCTET_PARALLEL_DISPATCHER_H_
#define OCTET_PARALLEL_DISPATCHER_H_

#include <vector>

#include "kernels/backend.h"
#include "kernels/workspace.h"
#include "parallel/communicator.h"
#include "parallel/dispatch_plan.h"

namespace octet {

// The two all-to-alls of every MoE layer.
class Dispatcher {
 public:
  // `max_tokens` bounds the tokens of one rank in one step. Experts read rows of `dtype`.
  Dispatcher(Communicator& comm, const ExpertPlacement& placement, Backend& backend,
             Workspace& workspace, int64_t max_tokens, DType dtype);

  // Collective: tells every rank what the others' tokens need. Valid until the next call.
  const DispatchPlan& Plan(int layer, const Routing& routing);

  // Collective: the rows that this rank's experts need. x: [own tokens, hidden] float32.
  // Returns [plan.num_rows(), hidden] of the experts' dtype, by home rank and token.
  Matrix Dispatch(int layer, ConstMatrix x, const DispatchPlan& plan);

  // Collective: y[t] = the sum of token t's slots, each times its gate weight, in slot order.
  // out: [(token, slot) pairs of this rank's experts, hidden], in the order of plan.expert_rows; y:
  // [own tokens, hidden].
  void Combine(int layer, ConstMatrix out, const DispatchPlan& plan, Matrix y);

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
  std::vector<ConstBytes> send_;
  std::vector<Bytes> recv_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCHER_H_
