// What octet sweep tells a user.

#ifndef OCTET_LAUNCH_SWEEP_SWEEP_REPORT_H_
#define OCTET_LAUNCH_SWEEP_SWEEP_REPORT_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "launch/sweep/sweep_plan.h"
#include "proto/sweep.pb.h"

namespace octet {

// Returns the points, the number of runs, and their commands in order.
std::string FormatSweepPlan(const SweepPlan& plan, const std::string& directory);

// Returns a line about a run that has ended, after which so many are left. `runs` has all that have
// ended.
std::string FormatSweepProgress(const SweepPlan& plan, const std::map<int, SweepRun>& runs,
                                const SweepRun& run, int64_t left);

// Returns a table: of each point how many runs succeeded and failed, and median [min, max] of the
// rates of those that succeeded.
std::string FormatSweepTable(const SweepPlan& plan, const std::map<int, SweepRun>& runs,
                             const std::set<int>& void_orders);

}  // namespace octet

#endif  // OCTET_LAUNCH_SWEEP_SWEEP_REPORT_H_
