// The statistics of a routing trace, for the user.

#ifndef OCTET_LAUNCH_TRACE_TRACE_REPORT_H_
#define OCTET_LAUNCH_TRACE_TRACE_REPORT_H_

#include <string>

#include "proto/routing_stats.pb.h"

namespace octet {

// Returns tables of at most 100 columns; JsonOf(stats) has all statistics.
std::string FormatRoutingStats(const std::string& path, const RoutingStats& stats);

}  // namespace octet

#endif  // OCTET_LAUNCH_TRACE_TRACE_REPORT_H_
