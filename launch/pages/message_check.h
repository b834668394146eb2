// What the messages of a page must hold.

#ifndef OCTET_LAUNCH_PAGES_MESSAGE_CHECK_H_
#define OCTET_LAUNCH_PAGES_MESSAGE_CHECK_H_

#include <absl/status/status.h>

#include "proto/placement_plan.pb.h"
#include "proto/replay.pb.h"
#include "proto/report.pb.h"
#include "proto/routing_stats.pb.h"
#include "proto/sweep.pb.h"

namespace octet {

// Returns an error that names the field, if a number is not finite, a count of tokens or bytes is
// negative, or lists that belong together are not as long.
absl::Status CheckMessage(const RunReport& report);
absl::Status CheckMessage(const RoutingStats& stats);
absl::Status CheckMessage(const PlacementPlan& plan);
absl::Status CheckMessage(const Replay& replay);
absl::Status CheckMessage(const ReplayComparison& comparison);
absl::Status CheckMessage(const SweepRun& run);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_MESSAGE_CHECK_H_
