// Statistics of a routing trace for a person.

#ifndef OCTET_LAUNCH_TRACE_REPORT_H_
#define OCTET_LAUNCH_TRACE_REPORT_H_

#include <string>

#include "proto/routing_stats.pb.h"

namespace octet {

// Tables of at most 100 columns; JsonOf(stats) has all of it.
std::string FormatRoutingStats(const std::string& path, const RoutingStats& stats);

}  // namespace octet

#endif  // OCTET_LAUNCH_TRACE_REPORT_H_
