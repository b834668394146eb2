// Hooks between the router and the experts.

#ifndef OCTET_RUNTIME_MODEL_ROUTING_HOOKS_H_
#define OCTET_RUNTIME_MODEL_ROUTING_HOOKS_H_

#include <functional>

#include "parallel/dispatch/dispatcher.h"
#include "parallel/dispatch/routing.h"
#include "runtime/model/batch.h"

namespace octet {

// The tokens of one micro-batch of this rank that have left for their experts, in one layer of one
// step.
struct RoutedTokens {
  int layer;
  int64_t first_token;  // index in the step's tokens; the others follow it
  const Routing& routing;
  const SendPlan& plan;
  const HostTopology& hosts;
};

// Is called for each micro-batch in each layer of each step.
using RoutingObserver = std::function<void(const RoutedTokens& tokens)>;

// Replaces the experts that the router chose for the tokens of a micro-batch (routing.topk_idx): k
// different experts for each token. They must depend only on the token's layer, line and position;
// then answers are the same for any number of ranks.
using ExpertOverride = std::function<void(int layer, const Batch& batch, Routing& routing)>;

// Either may be empty.
struct RoutingHooks {
  RoutingObserver observe;
  ExpertOverride override_experts;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_ROUTING_HOOKS_H_
