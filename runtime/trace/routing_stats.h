// What a routing trace shows, beside what chance would.

#ifndef OCTET_RUNTIME_TRACE_ROUTING_STATS_H_
#define OCTET_RUNTIME_TRACE_ROUTING_STATS_H_

#include <absl/status/statusor.h>

#include <string>

#include "proto/routing_stats.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Reads a trace into memory. An error where it has no token.
absl::StatusOr<RoutingStats> ComputeRoutingStats(FileSystem& files, const std::string& path);

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_ROUTING_STATS_H_
