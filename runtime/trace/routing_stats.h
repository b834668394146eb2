// Statistics of a routing trace, beside those of chance.

#ifndef OCTET_RUNTIME_TRACE_ROUTING_STATS_H_
#define OCTET_RUNTIME_TRACE_ROUTING_STATS_H_

#include <absl/status/statusor.h>

#include <string>

#include "proto/routing_stats.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Reads a trace into memory and computes its statistics. A trace without tokens is an error.
absl::StatusOr<RoutingStats> ComputeRoutingStats(FileSystem& files, const std::string& path);

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_ROUTING_STATS_H_
