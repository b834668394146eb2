// The kinds of forced routing.

#ifndef OCTET_LAUNCH_BENCH_ROUTING_LOADS_H_
#define OCTET_LAUNCH_BENCH_ROUTING_LOADS_H_

#include <memory>
#include <vector>

#include "launch/bench/expert_calls_file.h"
#include "launch/bench/routing_load.h"
#include "runtime/trace/token_table.h"

namespace octet {

// Every token draws for itself: weights, [layers, experts], as MakeShares takes them.
std::unique_ptr<RoutingLoad> MakeWeightedLoad(const RoutingShape& shape,
                                              const std::vector<std::vector<double>>& weights);

// Tokens of prompts share one of the calls in each layer, decoded ones in each (layer, position):
// that is, those of one step where all lines are at the same position. A call is drawn by its
// frequency, and its counts are dealt out to experts at random. The tokens come as near to them as
// a low-discrepancy sequence does.
std::unique_ptr<RoutingLoad> MakeCallsLoad(const RoutingShape& shape,
                                           const std::vector<ExpertCall>& calls);

// Line i takes recorded answer i mod n, its position p that answer's token p mod its length. The
// table has at least as many layers, and at least one answer.
std::unique_ptr<RoutingLoad> MakeTraceLoad(const RoutingShape& shape, TokenTable table);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_ROUTING_LOADS_H_
