// What may stand between the router and the experts.

#ifndef OCTET_RUNTIME_MODEL_ROUTING_HOOKS_H_
#define OCTET_RUNTIME_MODEL_ROUTING_HOOKS_H_

#include <functional>

#include "parallel/dispatch/dispatcher.h"
#include "parallel/dispatch/routing.h"
#include "runtime/model/batch.h"

namespace octet {

// Tokens of this rank that have left for their experts, in one layer of one step.
struct RoutedTokens {
  int layer;
  int64_t first_token;  // of the step's tokens; the others follow it
  const Routing& routing;
  const SendPlan& plan;
  const HostTopology& hosts;
};

// Told of each micro-batch in each layer of each step.
using RoutingObserver = std::function<void(const RoutedTokens& tokens)>;

// Replaces the experts that the router chose for the tokens of a micro-batch, routing.topk_idx: k
// different ones for each token. To give the same bytes on any ranks, a token's must follow from
// its layer, line and position alone.
using ExpertOverride = std::function<void(int layer, const Batch& batch, Routing& routing)>;

// Either may be empty.
struct RoutingHooks {
  RoutingObserver observe;
  ExpertOverride override_experts;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_ROUTING_HOOKS_H_
