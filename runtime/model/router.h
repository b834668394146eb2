// The choice of experts.

#ifndef OCTET_RUNTIME_MODEL_ROUTER_H_
#define OCTET_RUNTIME_MODEL_ROUTER_H_

#include "parallel/dispatch/routing.h"
#include "runtime/model/execution_context.h"

namespace octet {

// Chooses the experts of each token, by the rules of Backend::Route.
class Router {
 public:
  // gate: [num_experts, hidden_size] float32
  Router(const PackedMatrix& gate, int topk) : gate_(gate), topk_(topk) {}

  // x: [tokens, hidden_size]. `routing` can be read after the backend's next Synchronize,
  // unless it stays on the device.
  void Route(const ExecutionContext& context, ConstMatrix x, Routing& routing) const;

 private:
  const PackedMatrix& gate_;
  int topk_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_ROUTER_H_
