// The kinds of forced routing.

#ifndef OCTET_LAUNCH_BENCH_ROUTING_LOADS_H_
#define OCTET_LAUNCH_BENCH_ROUTING_LOADS_H_

#include <memory>
#include <vector>

#include "launch/bench/expert_calls_file.h"
#include "launch/bench/routing_load.h"
#include "runtime/trace/token_table.h"

namespace octet {

// Makes a load in which every token draws for itself. weights: [layers, experts], as for
// MakeShares.
std::unique_ptr<RoutingLoad> MakeWeightedLoad(const RoutingShape& shape,
                                              const std::vector<std::vector<double>>& weights);

// Makes a load from calls. All prompt tokens share one call in each layer. Decoded tokens share one
// in each (layer, position): the tokens of one step, if all lines are at the same position. A call
// is drawn by its frequency, and its counts go to experts in random order. The tokens follow the
// counts as closely as a low-discrepancy sequence does.
std::unique_ptr<RoutingLoad> MakeCallsLoad(const RoutingShape& shape,
                                           const std::vector<ExpertCall>& calls);

// Makes a load from a trace. Line i takes recorded answer i mod n, and its position p takes that
// answer's token p mod its length. The table must have at least as many layers, and at least one
// answer.
std::unique_ptr<RoutingLoad> MakeTraceLoad(const RoutingShape& shape, TokenTable table);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_ROUTING_LOADS_H_
