// The steps of a routing trace, in memory.

#ifndef OCTET_RUNTIME_TRACE_TRACED_ATTEMPT_H_
#define OCTET_RUNTIME_TRACE_TRACED_ATTEMPT_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "parallel/placement/expert_placement.h"
#include "parallel/transport/host_topology.h"
#include "proto/routing_trace.pb.h"
#include "runtime/io/file.h"

namespace octet {

// One attempt of a job, or the part of it with one placement.
struct TracedAttempt {
  TraceHeader header;
  ExpertPlacement placement;         // over the ranks of a group
  std::vector<HostTopology> groups;  // each group's ranks
  std::vector<StepRouting> steps;    // ordered by step, then by rank; without gate weights

  // Calls use(records) for each step of each group, in order.
  template <class Use>
  void VisitGroupSteps(Use use) const {
    for (size_t begin = 0, end = 0; begin < steps.size(); begin = end) {
      while (end < steps.size() && IsSame(steps[begin], steps[end])) ++end;
      use(std::span(steps).subspan(begin, end - begin));
    }
  }

  // Returns whether both belong to the same step of the same group.
  bool IsSame(const StepRouting& a, const StepRouting& b) const {
    return a.step() == b.step() && a.rank() / header.group_size() == b.rank() / header.group_size();
  }
};

// Reads a trace.
absl::StatusOr<std::vector<TracedAttempt>> ReadAttempts(FileSystem& files, const std::string& path);

int64_t CountTokens(const StepRouting& step);

// Returns an error if the header has more experts or ranks than there is room to count pairs of.
absl::Status CheckRoomForPairs(const std::string& path, const TraceHeader& header);

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_TRACED_ATTEMPT_H_
