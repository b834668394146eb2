// The references for recorded routing: the same steps with other experts.

#ifndef OCTET_RUNTIME_TRACE_NULL_ROUTING_H_
#define OCTET_RUNTIME_TRACE_NULL_ROUTING_H_

#include <span>

#include "runtime/trace/traced_attempt.h"

namespace octet {

// Shuffles the tokens over all steps; each keeps its experts. The result is the same each time.
void ShuffleTokens(std::span<TracedAttempt> attempts);

// Draws other experts for each token in each layer, all equally likely and no two the same. The
// result is the same each time.
void DrawExperts(std::span<TracedAttempt> attempts);

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_NULL_ROUTING_H_
