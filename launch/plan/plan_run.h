// The placements that octet plan compares.

#ifndef OCTET_LAUNCH_PLAN_PLAN_RUN_H_
#define OCTET_LAUNCH_PLAN_PLAN_RUN_H_

#include <absl/status/statusor.h>

#include <string>

#include "launch/plan/plan_options.h"
#include "parallel/planner/slot_plan.h"
#include "proto/placement_plan.pb.h"
#include "runtime/io/file.h"

namespace octet {

struct PlanResult {
  PlacementPlan report;
  std::string chosen;  // the policy of `plan`
  SlotPlan plan;       // that --out gets
};

// Returns the names of the policies, for messages.
std::string PlanPolicies();

// Makes the placements of all policies, and judges them. An error names the flag that asks for what
// can't be had. `division` belongs to `setting`.
absl::StatusOr<PlanResult> RunPlan(FileSystem& files, const PlanOptions& options,
                                   const PlanRouting& routing, const PlanSetting& setting,
                                   const std::optional<ReplicaDivision>& division);

}  // namespace octet

#endif  // OCTET_LAUNCH_PLAN_PLAN_RUN_H_
