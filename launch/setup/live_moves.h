// The settings of experts that move while a job runs, and placements that are read again.

#ifndef OCTET_LAUNCH_SETUP_LIVE_MOVES_H_
#define OCTET_LAUNCH_SETUP_LIVE_MOVES_H_

#include <absl/status/status.h>

#include <string>

#include "parallel/placement/expert_placement.h"
#include "proto/config.pb.h"
#include "runtime/engine/engine.h"
#include "runtime/io/file.h"

namespace octet {

// Returns the number of (layer, expert) pairs for which each rank keeps memory free:
// --spare-experts, or as many as one layer needs if experts are placed again during the job.
int SpareExperts(const RunConfig& config, PlacementShape shape);

// Sets the options. An error names a setting without effect, or one that cannot be combined with
// another.
absl::Status ChooseLiveMoves(const RunConfig& config, const ExpertPlacement& start,
                             RebalanceOptions& options);

// On rank 0. Reads the file of --placement again, and starts to move experts to that placement.
// Returns a sentence for the user.
std::string MoveToPlacementFile(const RunConfig& config, const ExpertPlacement& start,
                                FileSystem& files, Engine& engine);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_LIVE_MOVES_H_
