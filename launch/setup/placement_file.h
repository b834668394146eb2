// The placement that --placement names.

#ifndef OCTET_LAUNCH_SETUP_PLACEMENT_FILE_H_
#define OCTET_LAUNCH_SETUP_PLACEMENT_FILE_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "parallel/placement/expert_placement.h"
#include "parallel/planner/slot_plan.h"
#include "runtime/io/file.h"

namespace octet {

// Reads a placement. `spec` is a text for ExpertPlacement::Parse, or a file for ReadPlacementFile.
// An error says what is wrong with --placement, and where in the file.
absl::StatusOr<ExpertPlacement> ReadPlacement(FileSystem& files, const std::string& spec,
                                              PlacementShape shape);

// Reads a file with a Placement as text proto or, if its name ends in .json, as JSON; or one of
// another program (slot_map.h), whose name ends in .json, .yaml or .yml. An error begins with
// `flag`.
absl::StatusOr<ExpertPlacement> ReadPlacementFile(FileSystem& files, const std::string& flag,
                                                  const std::string& path, PlacementShape shape);

// The same with the order of the slots, and an expert that a rank has twice: what a file of another
// program says. A Placement has neither.
absl::StatusOr<SlotPlan> ReadSlotPlan(FileSystem& files, const std::string& flag,
                                      const std::string& path, PlacementShape shape);

// Returns a note for the user about ranks, at least one, that own no expert: "rank 3 owns no expert
// of any layer; …".
std::string DescribeIdleRanks(const std::vector<int>& ranks);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_PLACEMENT_FILE_H_
