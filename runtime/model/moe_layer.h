// The mixture of experts of one layer, over all ranks.

#ifndef OCTET_RUNTIME_MODEL_MOE_LAYER_H_
#define OCTET_RUNTIME_MODEL_MOE_LAYER_H_

#include <functional>
#include <optional>

#include "parallel/dispatch/dispatcher.h"
#include "runtime/model/experts.h"
#include "runtime/model/router.h"

namespace octet {

// Told of each layer of each step: the routing of this rank's tokens, and the plan that all ranks'
// routing gave.
using RoutingObserver =
    std::function<void(int layer, const Routing& routing, const DispatchPlan& plan)>;

// y[t] = sum over the top-k experts e of t: weight(t, e) * Expert_e(x[t]).
class MoeLayer {
 public:
  MoeLayer(const ExecutionContext& context, int layer, const LayerWeights& weights, int topk,
           Dispatcher& dispatcher, const RoutingObserver& observer)
      : context_(context),
        layer_(layer),
        router_(context, weights.gate, topk),
        dispatcher_(dispatcher),
        experts_(context, weights),
        observer_(observer) {}

  // Collective: every rank calls these in turn for every layer of every step, even with no tokens.
  // Between them, while tokens travel, it may do other work.
  // x, y: [tokens, hidden_size]; y may be x.
  void Dispatch(ConstMatrix x);  // tokens leave for their experts
  void RunExperts();             // they have come; outputs leave for home
  void Combine(Matrix y);        // they have come back

 private:
  const ExecutionContext& context_;
  int layer_;
  Router router_;
  Dispatcher& dispatcher_;
  Experts experts_;
  const RoutingObserver& observer_;
  std::optional<Workspace::Scope> scope_;  // from Dispatch to Combine
  const DispatchPlan* plan_ = nullptr;     // the dispatcher's
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_MOE_LAYER_H_
