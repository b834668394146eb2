#include "runtime/model/moe_layer.h"

namespace octet {

TokensInFlight MoeLayer::Dispatch(ConstMatrix x, MicroBatch& m) const {
  router_.Route(m.context, x, m.routing);  // choose the top-k experts of each token
  if (hooks_.override_experts) {
    m.context.backend.Synchronize();
    hooks_.override_experts(layer_, *m.batch, m.routing);
  }
  TokensInFlight tokens = m.dispatcher.Dispatch(layer_, x, m.routing);  // tokens leave for them
  if (hooks_.observe) {
    hooks_.observe({layer_, m.first_token, m.routing, tokens.plan(), m.dispatcher.hosts()});
  }
  return tokens;
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
