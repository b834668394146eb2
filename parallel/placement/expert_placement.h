// The ranks that hold each expert.

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

// A map from the experts of each layer to the ranks that hold them. A rank may hold any experts, in
// any number. An expert on more than one rank has replicas there. Every expert is on at least one
// rank.
class ExpertPlacement {
 public:
  // `spec` is contiguous, round-robin, random:SEED (balanced, and different for each layer) or
  // shares:A,B,... (contiguous, with one share of all (layer, expert) pairs for each rank). If
  // there are more ranks than experts, the experts of each layer are on different ranks, and each
  // rank holds as many pairs as the fullest rank, or one less. This does not hold for shares.
  static absl::StatusOr<ExpertPlacement> Parse(const std::string& spec, PlacementShape shape);

  // Returns the number of (layer, expert) pairs on the fullest rank of a placement that is
  // contiguous, round-robin or random.
  static int64_t MostPairs(PlacementShape shape);

  // Returns a contiguous placement with shares in proportion to `rooms`: [ranks], the number of
  // (layer, expert) pairs that fit on each rank. If all pairs fit, no rank gets more than its room.
  static ExpertPlacement ByRoom(PlacementShape shape, std::span<const int64_t> rooms);

  // Returns whether `spec` is a name for Parse, or begins as random:SEED or shares:A,B,... do.
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

  // Returns the ranks of each expert, layer by layer. Equal placements have equal texts.
  std::string ToString() const;

  Placement ToProto() const;

  // Moves the experts of a layer to where they are in `other`, which has the same shape.
  void TakeLayer(int layer, const ExpertPlacement& other);

  // Returns the number of (layer, expert) pairs of each rank: [ranks].
  std::vector<int64_t> CountPairs() const;

  // Returns the ranks that own no expert of any layer, ascending.
  std::vector<int> IdleRanks() const;

  bool Owns(int layer, int expert, int rank) const;

  // Returns the experts of a layer that are on `rank`, ascending.
  std::vector<int> LocalExperts(int layer, int rank) const;

 private:
  explicit ExpertPlacement(PlacementShape shape)
      : shape_(shape), ranks_(static_cast<size_t>(shape.num_layers) * shape.num_experts) {}

  // Returns a contiguous placement. shares: [ranks], not all 0, and less than 2^40.
  static ExpertPlacement InShares(PlacementShape shape, std::span<const int64_t> shares);

  static ExpertPlacement Random(PlacementShape shape, uint64_t seed);

  PlacementShape shape_;
  std::vector<std::vector<int32_t>> ranks_;  // [layer, expert]
};

}  // namespace octet

#endif  // OCTET_PARALLEL_PLACEMENT_EXPERT_PLACEMENT_H_
