#include "runtime/model/router.h"

namespace octet {

void Router::Route(const ExecutionContext& context, ConstMatrix x, Routing& routing) const {
  const PhaseClock::Scope timing(context.clock, Phase::kRouter);
  const Workspace::Scope scope(context.workspace);
  const Matrix logits = context.workspace.Alloc(x.rows, gate_.rows);
  context.backend.Matmul(x, gate_, logits);

  routing.num_tokens = x.rows;
  routing.topk = topk_;
  if (routing.on_device.topk_idx != nullptr) {
    const RoutingPlace& to = routing.on_device;
    return context.backend.RouteOnDevice(logits, topk_, to.topk_idx, to.topk_weights);
  }
  routing.topk_idx.resize(x.rows * topk_);
  routing.topk_weights.resize(x.rows * topk_);
  context.backend.Route(logits, topk_, routing.topk_idx, routing.topk_weights);
}

}  // namespace octet
