// The traffic and the times of the ranks of a trace.

#ifndef OCTET_RUNTIME_TRACE_RECORDED_TRAFFIC_H_
#define OCTET_RUNTIME_TRACE_RECORDED_TRAFFIC_H_

#include <span>

#include "proto/routing_stats.pb.h"
#include "runtime/trace/traced_attempt.h"

namespace octet {

// Sets ranks, hosts, steps, times, and all recorded traffic. There must be at least one attempt.
void AddRecordedTraffic(std::span<const TracedAttempt> attempts, RoutingStats& stats);

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_RECORDED_TRAFFIC_H_
