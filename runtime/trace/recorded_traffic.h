// What the ranks of a trace exchanged, and how long they took.

#ifndef OCTET_RUNTIME_TRACE_RECORDED_TRAFFIC_H_
#define OCTET_RUNTIME_TRACE_RECORDED_TRAFFIC_H_

#include <span>

#include "proto/routing_stats.pb.h"
#include "runtime/trace/traced_attempt.h"

namespace octet {

// Sets ranks, hosts, steps, times, and all of the traffic that was recorded. One attempt at least.
void AddRecordedTraffic(std::span<const TracedAttempt> attempts, RoutingStats& stats);

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_RECORDED_TRAFFIC_H_
