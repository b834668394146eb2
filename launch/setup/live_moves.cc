#include "launch/setup/live_moves.h"

#include <absl/strings/str_cat.h>

#include <utility>

#include "launch/setup/placement_choice.h"
#include "launch/setup/placement_file.h"
#include "parallel/placement/balanced_placement.h"

namespace octet {
namespace {

absl::Status CheckSettings(const RunConfig& config, PlacementShape shape) {
  const bool rebalances = config.rebalance_every() > 0;
  if (!rebalances && !config.rebalance_policy().empty()) {
    return absl::InvalidArgumentError("--rebalance-policy has no effect without --rebalance-every");
  }
  if (!rebalances && config.spare_experts() > 0 && !IsPlacementFile(config.placement())) {
    return absl::InvalidArgumentError(
        "--spare-experts has no effect without --rebalance-every or a file as --placement");
  }
  if (config.rebalance_policy() != kPartition) return absl::OkStatus();
  return CheckPartition("--rebalance-policy", shape.num_experts);
}

}  // namespace

int SpareExperts(const RunConfig& config, PlacementShape shape) {
  if (config.spare_experts() > 0 || config.rebalance_every() == 0) return config.spare_experts();
  const int slots = shape.num_experts + config.replicas();
  return (slots + shape.num_ranks - 1) / shape.num_ranks;
}

absl::Status ChooseLiveMoves(const RunConfig& config, const ExpertPlacement& start,
                             RebalanceOptions& options) {
  const PlacementShape shape = start.shape();
  absl::Status status = CheckSettings(config, shape);
  const int spare = SpareExperts(config, shape);
  if (!status.ok() || spare == 0) return status;
  options.every = config.rebalance_every();
  options.place = [shape, replicas = config.replicas(),
                   partition =
                       config.rebalance_policy() == kPartition](const ExpertCounts& counts) {
    return partition ? AddReplicas(PlaceByPartition(shape, counts), counts, replicas)
                     : PlaceByEplb(shape, counts, replicas);
  };
  options.rooms = start.CountPairs();
  for (int64_t& room : options.rooms) room += spare;
  return status;
}

std::string MoveToPlacementFile(const RunConfig& config, const ExpertPlacement& start,
                                FileSystem& files, Engine& engine) {
  if (!IsPlacementFile(config.placement()) || config.spare_experts() == 0) {
    return "USR2 has no effect: it reads a file of --placement again, which needs --spare-experts";
  }
  absl::StatusOr<ExpertPlacement> target = ReadPlacement(files, config.placement(), start.shape());
  if (!target.ok()) {
    return absl::StrCat("experts stay where they are: ", std::string(target.status().message()));
  }
  engine.MoveExperts(*std::move(target));
  return absl::StrCat("experts move to where they live in ", config.placement());
}

}  // namespace octet
