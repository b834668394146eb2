// The choice of experts.

#ifndef OCTET_RUNTIME_MODEL_ROUTER_H_
#define OCTET_RUNTIME_MODEL_ROUTER_H_

#include "parallel/dispatch/routing.h"
#include "runtime/model/execution_context.h"

namespace octet {

// Softmax over all experts in float32, the best k, their weights renormalised to a sum of 1. Equal
// probabilities go to the lower expert. A token whose logits are not finite goes to the first k,
// with weights that are NaN.
class Router {
 public:
  // gate: [num_experts, hidden_size] float32
  Router(const PackedMatrix& gate, int topk) : gate_(gate), topk_(topk) {}

  // x: [tokens, hidden_size].
  void Route(const ExecutionContext& context, ConstMatrix x, Routing& routing) const;

 private:
  void ChooseBest(float* probabilities, int32_t* idx, float* weights) const;

  const PackedMatrix& gate_;
  int topk_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_ROUTER_H_
