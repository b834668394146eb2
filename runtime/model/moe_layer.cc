#include "runtime/model/moe_layer.h"

namespace octet {

void MoeLayer::Forward(ConstMatrix x, Matrix y) {
  const Workspace::Scope scope(context_.workspace);
  const Routing& routing = router_.Route(x);                     // local: choose top-k experts
  const DispatchPlan& plan = dispatcher_.Plan(layer_, routing);  // collective: who needs what
  const Matrix rows = dispatcher_.Dispatch(layer_, x, plan);     // collective: tokens to experts
  const Matrix out = experts_.Forward(rows, plan);               // local: grouped SwiGLU
  dispatcher_.Combine(layer_, out, plan, y);  // collective: back, gate-weighted, in slot order
  observer_(layer_, routing, plan);
}

}  // namespace octet
