// Checks of a routing trace's records. Readers of checked records need no checks of their own.

#ifndef OCTET_RUNTIME_TRACE_TRACE_CHECK_H_
#define OCTET_RUNTIME_TRACE_TRACE_CHECK_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "proto/routing_trace.pb.h"

namespace octet {

// Returns the field that is wrong, or an empty text if none is.
std::string FindFault(const TraceHeader& header);

// The same for a step. local_experts: CountLocalExperts of its header, which must have no fault.
std::string FindFault(const TraceHeader& header, std::span<const int64_t> local_experts,
                      const StepRouting& step);

// Returns whether the models of both have the same layers, experts and top_k.
bool HaveSameShape(const TraceHeader& a, const TraceHeader& b);

// Returns the number of (layer, expert) pairs on each rank of a group.
std::vector<int64_t> CountLocalExperts(const TraceHeader& header);

// Returns the expert of a slot of StepRouting::experts.
inline int ExpertAt(const std::string& experts, int64_t slot, int expert_bytes) {
  const auto byte = [&](int64_t i) { return static_cast<uint8_t>(experts[i]); };
  return expert_bytes == 1 ? byte(slot) : byte(2 * slot) | byte(2 * slot + 1) << 8;
}

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_TRACE_CHECK_H_
