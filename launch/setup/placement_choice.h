// The placement from --placement, --replicas and --expert-counts together.

#ifndef OCTET_LAUNCH_SETUP_PLACEMENT_CHOICE_H_
#define OCTET_LAUNCH_SETUP_PLACEMENT_CHOICE_H_

#include <absl/status/statusor.h>

#include <functional>
#include <string>
#include <vector>

#include "parallel/placement/expert_placement.h"
#include "runtime/io/file.h"

namespace octet {

class CommandLine;

// The names of placements that are made from loads, in addition to those of ExpertPlacement::Parse.
inline constexpr char kEplb[] = "eplb";
inline constexpr char kPartition[] = "partition";
// The name of the placement that is made from the hosts' room.
inline constexpr char kByMemory[] = "by-memory";

// Returns whether the value of --placement is none of the names.
bool IsPlacementFile(const std::string& placement);

// Returns an error if a model has too many experts for PlaceByPartition. `flag` asked for it.
absl::Status CheckPartition(const std::string& flag, int num_experts);

struct PlacementChoice {
  std::string placement = "contiguous";
  int replicas = 0;           // in each layer, in addition to those of `placement`
  std::string expert_counts;  // a file (ReadExpertCounts); if empty, all experts count alike
};

// Returns the number of (layer, expert) pairs that fit on each rank, or an error.
using RoomsForExperts = std::function<absl::StatusOr<std::vector<int64_t>>()>;

// Makes the placement. An error says what is wrong with which flag, and where in the file.
absl::StatusOr<ExpertPlacement> MakePlacement(FileSystem& files, const PlacementChoice& choice,
                                              PlacementShape shape, const RoomsForExperts& rooms);

// The same if the hosts are not known.
absl::StatusOr<ExpertPlacement> MakePlacement(FileSystem& files, const PlacementChoice& choice,
                                              PlacementShape shape);

void AddPlacementFlags(CommandLine& line, PlacementChoice& choice);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_PLACEMENT_CHOICE_H_
