#include "launch/setup/placement_choice.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include "launch/command_line.h"
#include "launch/setup/expert_counts_file.h"
#include "launch/setup/placement_file.h"
#include "parallel/placement/balanced_placement.h"

namespace octet {
namespace {

absl::StatusOr<ExpertCounts> CountsFor(FileSystem& files, const PlacementChoice& choice,
                                       PlacementShape shape) {
  if (choice.expert_counts.empty()) {
    return ExpertCounts(shape.num_layers, std::vector<int64_t>(shape.num_experts, 1));
  }
  return ReadExpertCounts(files, "--expert-counts", choice.expert_counts, shape.num_layers,
                          shape.num_experts);
}

bool UsesCounts(const PlacementChoice& choice) {
  return choice.replicas > 0 || choice.placement == kEplb || choice.placement == kPartition;
}

}  // namespace

bool IsPlacementFile(const std::string& placement) {
  return placement != kEplb && placement != kPartition && placement != kByMemory &&
         !ExpertPlacement::IsName(placement);
}

absl::Status CheckPartition(const std::string& flag, int num_experts) {
  if (num_experts <= kMostPartitioned) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(flag, " partition searches all partitions of at most ", kMostPartitioned,
                   " experts, and the model has ", num_experts, "; eplb takes any number"));
}

absl::StatusOr<ExpertPlacement> MakePlacement(FileSystem& files, const PlacementChoice& choice,
                                              PlacementShape shape, const RoomsForExperts& rooms) {
  if (!choice.expert_counts.empty() && !UsesCounts(choice)) {
    return absl::InvalidArgumentError(
        "--expert-counts has no effect without --replicas, or --placement eplb or partition");
  }
  const absl::StatusOr<ExpertCounts> counts = CountsFor(files, choice, shape);
  if (!counts.ok()) return counts.status();
  if (choice.placement == kEplb) return PlaceByEplb(shape, *counts, choice.replicas);
  auto base = [&]() -> absl::StatusOr<ExpertPlacement> {
    if (choice.placement == kByMemory) {
      const absl::StatusOr<std::vector<int64_t>> room = rooms();
      if (!room.ok()) return room.status();
      return ExpertPlacement::ByRoom(shape, *room);
    }
    if (choice.placement != kPartition) return ReadPlacement(files, choice.placement, shape);
    const absl::Status can_partition = CheckPartition("--placement", shape.num_experts);
    if (!can_partition.ok()) return can_partition;
    return PlaceByPartition(shape, *counts);
  }();
  if (!base.ok() || choice.replicas == 0) return base;
  return AddReplicas(*base, *counts, choice.replicas);
}

absl::StatusOr<ExpertPlacement> MakePlacement(FileSystem& files, const PlacementChoice& choice,
                                              PlacementShape shape) {
  return MakePlacement(files, choice, shape, [] {
    return absl::InvalidArgumentError(
        "--placement by-memory needs the hosts of a job: run-batch --dry-run shows what it gives");
  });
}

void AddPlacementFlags(CommandLine& line, PlacementChoice& choice) {
  line.AddText("--placement", choice.placement,
               "contiguous, round-robin, random:SEED, shares:A,B,..., eplb, partition or a file; "
               "default contiguous");
  line.AddCount("--replicas", choice.replicas, kReplicaCounts,
                "of the hottest experts, in each layer; default 0");
  line.AddText("--expert-counts", choice.expert_counts,
               "file with the tokens of each layer's experts, for eplb, partition and --replicas");
}

}  // namespace octet
