// The runs of a sweep as a table for spreadsheets and programs.

#ifndef OCTET_LAUNCH_SWEEP_SWEEP_CSV_H_
#define OCTET_LAUNCH_SWEEP_SWEEP_CSV_H_

#include <map>
#include <set>
#include <string>
#include <string_view>

#include "launch/sweep/sweep_plan.h"
#include "proto/sweep.pb.h"

namespace octet {

// Returns comma-separated values (RFC 4180, but with \n as the end of a line): a header, and a line
// for each run in its order. Has a column for each axis, and those of the measures, which are empty
// for a failed run. `void` is 1 for runs of `void_orders`.
std::string FormatSweepCsv(const SweepPlan& plan, const std::map<int, SweepRun>& runs,
                           const std::set<int>& void_orders);

// Returns whether a column has this name whatever the axes are.
bool IsSweepColumn(std::string_view name);

}  // namespace octet

#endif  // OCTET_LAUNCH_SWEEP_SWEEP_CSV_H_
