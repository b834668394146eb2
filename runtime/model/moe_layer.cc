#include "runtime/model/moe_layer.h"

namespace octet {

TokensInFlight MoeLayer::Dispatch(ConstMatrix x, MicroBatch& m) const {
  router_.Route(m.context, x, m.routing);  // choose the top-k experts of each token
  observer_(layer_, m.routing);
  return m.dispatcher.Dispatch(layer_, x, m.routing);  // tokens leave for them
}

OutputsInFlight MoeLayer::RunExperts(TokensInFlight tokens, const ExecutionContext& context) const {
  while (const ExpertPlan* plan = tokens.Next()) {  // tokens of all ranks have come
    const Workspace::Scope scope(context.workspace);
    tokens.Return(experts_.Forward(context, tokens.rows(), *plan));  // outputs leave for home
    load_.Add(layer_, *plan);
  }
  return OutputsInFlight(std::move(tokens));
}

}  // namespace octet
