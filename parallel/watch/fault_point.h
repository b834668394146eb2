// A deliberate fault, for tests of how the other ranks react.

#ifndef OCTET_PARALLEL_WATCH_FAULT_POINT_H_
#define OCTET_PARALLEL_WATCH_FAULT_POINT_H_

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>

#include "kernels/base/activity.h"

namespace octet {

// OCTET_FAULT="rank=1,phase=dispatch,count=3,signal=STOP": the third time that rank 1 enters the
// phase, it says so and sends SIGSTOP to its process. Without count, it is the first time. Phases:
// init, loading, routing, dispatch, combine, attention, router, experts, head, sampling, schedule,
// results, journal, reading (of a line), finalize. Signals: STOP, KILL, TERM, INT, HUP, ABRT, SEGV;
// with HANG, the rank's own thread stands still, and its process lives. If the variable is not set,
// the fault point costs nothing.
struct FaultPoint {
  int rank = 0;
  std::string phase;
  int count = 1;
  int signal = 0;

  static absl::StatusOr<FaultPoint> Parse(std::string_view text);

  // Returns none if the variable is not set or empty.
  static absl::StatusOr<std::optional<FaultPoint>> FromEnvironment();

  // Call it on the rank's own thread.
  void Install(Activity& activity) const;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_FAULT_POINT_H_
