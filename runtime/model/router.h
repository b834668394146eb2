// The choice of experts.

#ifndef OCTET_RUNTIME_MODEL_ROUTER_H_
#define OCTET_RUNTIME_MODEL_ROUTER_H_

#include "parallel/dispatch/routing.h"
#include "runtime/model/execution_context.h"

namespace octet {

// Chooses the experts of each token: takes the softmax over all experts in float32, then the k most
// probable experts. Scales their weights to a sum of 1. Among equal probabilities the expert with
// the lower number wins. If the logits of a token are not finite, the first k experts are chosen,
// with NaN as their weights.
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
