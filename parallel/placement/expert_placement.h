// Which ranks hold which experts.

#ifndef OCTET_PARALLEL_PLACEMENT_EXPERT_PLACEMENT_H_
#define OCTET_PARALLEL_PLACEMENT_EXPERT_PLACEMENT_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "proto/placement.pb.h"

namespace octet {

struct PlacementShape {
  int num_layers;
  int num_experts;
  int num_ranks;
};

// For each layer any experts on any ranks, in any numbers; an expert on more than one rank has
// replicas there. Every expert lives somewhere.
class ExpertPlacement {
 public:
  // `spec` is contiguous, round-robin, random:SEED (balanced, another one for each layer) or
  // shares:A,B,... (contiguous, in such shares of all (layer, expert) pairs, one for each rank).
  // Where there are more ranks than experts, the experts of each layer live on different ranks, and
  // each rank holds as many pairs as any other, or one less; but for shares.
  static absl::StatusOr<ExpertPlacement> Parse(const std::string& spec, PlacementShape shape);

  // The (layer, expert) pairs on the fullest rank of a placement with one of those names.
  static int64_t MostPairs(PlacementShape shape);

  // Contiguous, in shares as `rooms` has them: so many (layer, expert) pairs fit on each rank.
  // Where they fit at all, no rank gets more than its room.
  static ExpertPlacement ByRoom(PlacementShape shape, std::span<const int64_t> rooms);

  // Whether `spec` is, or tries to be, one of those.
  static bool IsName(const std::string& spec);

  // ranks: [layer, expert], each ascending, at least one.
  static ExpertPlacement FromRanks(PlacementShape shape, std::vector<std::vector<int32_t>> ranks);

  static absl::StatusOr<ExpertPlacement> FromProto(const Placement& proto, PlacementShape shape);

  PlacementShape shape() const { return shape_; }
  int num_layers() const { return shape_.num_layers; }
  int num_ranks() const { return shape_.num_ranks; }
  int num_experts() const { return shape_.num_experts; }

  // Ascending, at least one.
  std::span<const int32_t> ranks(int layer, int expert) const {
    return ranks_[int64_t{layer} * shape_.num_experts + expert];
  }

  // The ranks of each expert, layer by layer: equal for equal placements.
  std::string ToString() const;

  Placement ToProto() const;

  // Lets the experts of a layer live where they do in `other`, which has the same shape.
  void TakeLayer(int layer, const ExpertPlacement& other);

  // The (layer, expert) pairs of each rank: [ranks].
  std::vector<int64_t> CountPairs() const;

  // The ranks that own no expert of any layer, ascending.
  std::vector<int> IdleRanks() const;

  bool Owns(int layer, int expert, int rank) const;

  // The experts of a layer that live on `rank`, ascending.
  std::vector<int> LocalExperts(int layer, int rank) const;

 private:
  explicit ExpertPlacement(PlacementShape shape)
      : shape_(shape), ranks_(static_cast<size_t>(shape.num_layers) * shape.num_experts) {}

  // Contiguous. shares: [ranks], not all 0, and less than 2^40.
  static ExpertPlacement InShares(PlacementShape shape, std::span<const int64_t> shares);

  static ExpertPlacement Random(PlacementShape shape, uint64_t seed);

  PlacementShape shape_;
  std::vector<std::vector<int32_t>> ranks_;  // [layer, expert]
};

}  // namespace octet

#endif  // OCTET_PARALLEL_PLACEMENT_EXPERT_PLACEMENT_H_
