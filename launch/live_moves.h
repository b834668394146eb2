// Experts that move while a job runs: what settings ask for, and placements that are read again.

#ifndef OCTET_LAUNCH_LIVE_MOVES_H_
#define OCTET_LAUNCH_LIVE_MOVES_H_

#include <absl/status/status.h>

#include <string>

#include "parallel/placement/expert_placement.h"
#include "proto/config.pb.h"
#include "runtime/engine/engine.h"
#include "runtime/io/file.h"

namespace octet {

// (layer, expert) pairs for which each rank keeps memory free: --spare-experts, or as many as one
// layer needs where experts are placed anew as the job runs.
int SpareExperts(const RunConfig& config, PlacementShape shape);

// An error names a setting without effect, or what it can't be used with.
absl::Status ChooseLiveMoves(const RunConfig& config, const ExpertPlacement& start,
                             RebalanceOptions& options);

// On rank 0: reads the file of --placement again; experts move to where they live in it. What a
// person should know, in a sentence.
std::string MoveToPlacementFile(const RunConfig& config, const ExpertPlacement& start,
                                FileSystem& files, Engine& engine);

}  // namespace octet

#endif  // OCTET_LAUNCH_LIVE_MOVES_H_
