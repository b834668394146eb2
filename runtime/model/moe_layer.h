// The mixture of experts of one layer, over all ranks.

#ifndef OCTET_RUNTIME_MODEL_MOE_LAYER_H_
#define OCTET_RUNTIME_MODEL_MOE_LAYER_H_

#include "runtime/model/expert_load.h"
#include "runtime/model/experts.h"
#include "runtime/model/micro_batch.h"
#include "runtime/model/router.h"
#include "runtime/model/routing_hooks.h"

namespace octet {

// y[t] = sum over the top-k experts e of t: weight(t, e) * Expert_e(x[t]).
class MoeLayer {
 public:
  MoeLayer(Backend& backend, const ModelConfig& config, int layer, const LayerWeights& weights,
           const RoutingHooks& hooks, ExpertLoad& load)
      : layer_(layer),
        router_(weights.gate, config.experts_per_token),
        experts_(backend, config.intermediate_size, weights),
        hooks_(hooks),
        load_(load) {}

  // Collective. Every rank calls Dispatch, then RunExperts, even without tokens. Then
  // OutputsInFlight::Combine gives y. x: [tokens, hidden_size].
  TokensInFlight Dispatch(ConstMatrix x, MicroBatch& m) const;
  OutputsInFlight RunExperts(TokensInFlight tokens, const ExecutionContext& context) const;

  // Uses the layer's experts in `weights`. Call it between steps, after experts moved.
  void UseExperts(const LayerWeights& weights) { experts_.Use(weights); }

 private:
  int layer_;
  Router router_;
  Experts experts_;
  const RoutingHooks& hooks_;
  ExpertLoad& load_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_MOE_LAYER_H_
