// Counts of the routing of all steps of a trace.

#ifndef OCTET_RUNTIME_TRACE_ROUTING_TALLY_H_
#define OCTET_RUNTIME_TRACE_ROUTING_TALLY_H_

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/dispatch/routing.h"
#include "parallel/dispatch/send_plan.h"
#include "runtime/trace/traced_attempt.h"

namespace octet {

struct LayerTally {
  std::vector<int64_t> load;          // [experts]
  std::vector<int64_t> coactivation;  // [experts, experts]
  std::vector<int64_t>
      transitions;  // [experts, experts of the next layer]; empty in the last layer
  std::vector<float> max_over_mean;  // [steps] of each step's load
  std::vector<float> variation;      // [steps]
  int64_t ranks = 0;                 // that have experts of a token, summed over tokens
  int64_t hosts = 0;
};

// Sums over the steps. The rank that computes each expert of a token follows from the placement, as
// it did in the run.
struct RoutingTally {
  int num_experts = 0;
  int num_ranks = 0;
  int64_t tokens = 0;
  std::vector<LayerTally> layers;
  std::vector<int64_t> dispatch_bytes;  // [homes, ranks]
  std::vector<int64_t> return_bytes;    // [homes, ranks]
};

RoutingTally CountRouting(std::span<const TracedAttempt> attempts);

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_ROUTING_TALLY_H_
