#include "parallel/expert_placement.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <random>

#include "parallel/number_range.h"

namespace octet {
namespace {

constexpr char kContiguous[] = "contiguous";
constexpr char kRoundRobin[] = "round-robin";
constexpr char kRandom[] = "random:";

constexpr NumberRange<uint64_t> kSeeds = {0, std::numeric_limits<uint64_t>::max()};

}  // namespace

bool ExpertPlacement::IsName(const std::string& spec) {
  return spec == kContiguous || spec == kRoundRobin || spec.starts_with(kRandom);
}

absl::StatusOr<ExpertPlacement> ExpertPlacement::Parse(const std::string& spec,
                                                       PlacementShape shape) {
  if (spec.starts_with(kRandom)) {
    const std::optional<uint64_t> seed = kSeeds.Parse(spec.substr(sizeof(kRandom) - 1));
    if (seed) return Random(shape, *seed);
    return absl::InvalidArgumentError(
        absl::StrCat("--placement ", kRandom, "SEED: the seed ", kSeeds.Rule()));
  }
  if (!IsName(spec)) {
    return absl::InvalidArgumentError("--placement must be contiguous, round-robin or random:SEED");
  }
  ExpertPlacement placement(shape);
  for (int64_t i = 0; i < std::ssize(placement.ranks_); ++i) {
    const int64_t expert = i % shape.num_experts;
    const int64_t rank = spec == kContiguous ? expert * shape.num_ranks / shape.num_experts
                                             : expert % shape.num_ranks;
    placement.ranks_[i] = {static_cast<int32_t>(rank)};
  }
  return placement;
}

ExpertPlacement ExpertPlacement::Random(PlacementShape shape, uint64_t seed) {
  ExpertPlacement placement(shape);
  std::mt19937_64 random(seed);
  std::vector<int> order(shape.num_experts);
  for (int layer = 0; layer < shape.num_layers; ++layer) {
    std::iota(order.begin(), order.end(), 0);
    for (int i = shape.num_experts - 1; i > 0; --i) {
      std::swap(order[i], order[random() % (i + 1)]);
    }
    for (int i = 0; i < shape.num_experts; ++i) {
      const int64_t rank = int64_t{i} * shape.num_ranks / shape.num_experts;
      placement.ranks_[int64_t{layer} * shape.num_experts + order[i]] = {
          static_cast<int32_t>(rank)};
    }
  }
  return placement;
}

absl::StatusOr<ExpertPlacement> ExpertPlacement::FromProto(const Placement& proto,
                                                           PlacementShape shape) {
  if (proto.layers_size() != shape.num_layers) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", proto.layers_size(), " layers, the model has ", shape.num_layers));
  }
  ExpertPlacement placement(shape);
  for (int layer = 0; layer < shape.num_layers; ++layer) {
    const LayerPlacement& experts = proto.layers(layer);
    if (experts.experts_size() != shape.num_experts) {
      return absl::InvalidArgumentError(
          absl::StrCat("layer ", layer, " has ", experts.experts_size(), " experts, the model has ",
                       shape.num_experts));
    }
    for (int expert = 0; expert < shape.num_experts; ++expert) {
      const auto& given = experts.experts(expert).ranks();
      std::vector<int32_t> ranks(given.begin(), given.end());
      std::sort(ranks.begin(), ranks.end());
      const bool distinct = std::adjacent_find(ranks.begin(), ranks.end()) == ranks.end();
      if (ranks.empty() || !distinct || ranks.front() < 0 || ranks.back() >= shape.num_ranks) {
        return absl::InvalidArgumentError(
            absl::StrCat("layer ", layer, ", expert ", expert,
                         ": needs one or more different ranks from 0 to ", shape.num_ranks - 1));
      }
      placement.ranks_[int64_t{layer} * shape.num_experts + expert] = std::move(ranks);
    }
  }
  return placement;
}

std::string ExpertPlacement::ToString() const {
  std::string text;
  for (const std::vector<int32_t>& ranks : ranks_) {
    absl::StrAppend(&text, absl::StrJoin(ranks, "+"), " ");
  }
  return text;
}

bool ExpertPlacement::Owns(int layer, int expert, int rank) const {
  const std::span<const int32_t> owners = ranks(layer, expert);
  return std::find(owners.begin(), owners.end(), rank) != owners.end();
}

std::vector<int> ExpertPlacement::LocalExperts(int layer, int rank) const {
  std::vector<int> local;
  for (int expert = 0; expert < shape_.num_experts; ++expert) {
    if (Owns(layer, expert, rank)) local.push_back(expert);
  }
  return local;
}

}  // namespace octet
