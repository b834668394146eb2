// The counts of a trace's steps, for planners.

#ifndef OCTET_RUNTIME_TRACE_TRACED_COUNTS_H_
#define OCTET_RUNTIME_TRACE_TRACED_COUNTS_H_

#include <absl/status/statusor.h>

#include <string>

#include "parallel/planner/routing_counts.h"
#include "runtime/io/file.h"

namespace octet {

// The counts of the first and of the second half of the steps.
struct HalvedCounts {
  RoutingCounts first;
  RoutingCounts second;
};

// Reads a trace once, so it needs memory only for the counts. A step is one of one group with any
// tokens; tokens that were computed again count again. If tokens have other than two experts, the
// sets are those of a part of the tokens, evenly spaced. An error names the file.
absl::StatusOr<RoutingCounts> ReadTracedCounts(FileSystem& files, const std::string& path);

// Reads a trace twice. It must have at least two steps.
absl::StatusOr<HalvedCounts> ReadHalvedCounts(FileSystem& files, const std::string& path);

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_TRACED_COUNTS_H_
