#include "runtime/model/moe_layer.h"

namespace octet {

void MoeLayer::Dispatch(ConstMatrix x) {
  scope_.emplace(context_.workspace);
  const Routing& routing = router_.Route(x);   // local: choose top-k experts
  dispatcher_.StageTokens(x);                  // local: where the ranks of this host read them
  plan_ = &dispatcher_.Plan(layer_, routing);  // collective: who needs what
  dispatcher_.StartDispatch(layer_, *plan_);   // collective: tokens to experts on other hosts
  observer_(layer_, routing, *plan_);
}

void MoeLayer::RunExperts() {
  const ConstMatrix rows = dispatcher_.FinishDispatch();
  const Matrix out = experts_.Forward(rows, *plan_);  // local: grouped SwiGLU
  dispatcher_.StartCombine(layer_, out, *plan_);      // collective: back to where they came from
}

void MoeLayer::Combine(Matrix y) {
  dispatcher_.FinishCombine(*plan_, y);  // gate-weighted, in slot order
  scope_.reset();
}

}  // namespace octet
