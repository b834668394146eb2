#include "parallel/placement/expert_placement.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <optional>
#include <random>

#include "kernels/base/check.h"
#include "kernels/base/number_range.h"

namespace octet {
namespace {

constexpr char kContiguous[] = "contiguous";
constexpr char kRoundRobin[] = "round-robin";
constexpr char kRandom[] = "random:";
constexpr char kShares[] = "shares:";

constexpr NumberRange<uint64_t> kSeeds = {0, std::numeric_limits<uint64_t>::max()};
constexpr NumberRange<int64_t> kShareSizes = {0, 1'000'000};

// Neighbouring experts stay together. If there are more ranks than experts, each expert has some
// neighbouring ranks, and neighbouring layers of an expert stay together.
int64_t ContiguousRank(PlacementShape shape, int64_t layer, int64_t expert) {
  if (shape.num_ranks <= shape.num_experts) return expert * shape.num_ranks / shape.num_experts;
  const int64_t num_pairs = int64_t{shape.num_layers} * shape.num_experts;
  return (expert * shape.num_layers + layer) * shape.num_ranks / num_pairs;
}

int64_t RoundRobinRank(PlacementShape shape, int64_t layer, int64_t expert) {
  if (shape.num_ranks <= shape.num_experts) return expert % shape.num_ranks;
  return (layer * shape.num_experts + expert) % shape.num_ranks;
}

// The same on every machine, unlike std::shuffle.
void Shuffle(std::vector<int>& items, std::mt19937_64& random) {
  for (size_t i = items.size(); i-- > 1;) std::swap(items[i], items[random() % (i + 1)]);
}

// Parses one number for each rank.
absl::StatusOr<std::vector<int64_t>> ParseShares(const std::string& text, int num_ranks) {
  std::vector<int64_t> shares;
  int64_t sum = 0;
  for (const auto& item : absl::StrSplit(text, ',')) {
    const std::optional<int64_t> share = kShareSizes.Parse(std::string(item));
    if (!share) {
      return absl::InvalidArgumentError(
          absl::StrCat("--placement ", kShares, "A,B,...: each share ", kShareSizes.Rule()));
    }
    sum += shares.emplace_back(*share);
  }
  if (std::ssize(shares) == num_ranks && sum > 0) return shares;
  return absl::InvalidArgumentError(absl::StrCat("--placement ", kShares, text, ": has ",
                                                 shares.size(), " shares of ", sum,
                                                 " together for ", num_ranks,
                                                 " ranks; each rank needs one, and some "
                                                 "must be more than 0"));
}

// A draw of ranks that gives each expert of a layer a rank of its own, from those that hold least
// so far.
class LeastLoadedRanks {
 public:
  explicit LeastLoadedRanks(int num_ranks) : loads_(num_ranks), order_(num_ranks) {
    std::iota(order_.begin(), order_.end(), 0);
  }

  std::vector<int> Draw(int count, std::mt19937_64& random) {
    Shuffle(order_, random);
    std::stable_sort(order_.begin(), order_.end(),
                     [this](int a, int b) { return loads_[a] < loads_[b]; });
    std::vector<int> drawn(order_.begin(), order_.begin() + count);
    for (const int rank : drawn) ++loads_[rank];
    Shuffle(drawn, random);
    return drawn;
  }

 private:
  std::vector<int> loads_;  // [ranks] pairs that each holds
  std::vector<int> order_;  // ranks
};

}  // namespace

bool ExpertPlacement::IsName(const std::string& spec) {
  return spec == kContiguous || spec == kRoundRobin || spec.starts_with(kRandom) ||
         spec.starts_with(kShares);
}

absl::StatusOr<ExpertPlacement> ExpertPlacement::Parse(const std::string& spec,
                                                       PlacementShape shape) {
  if (spec.starts_with(kRandom)) {
    const std::optional<uint64_t> seed = kSeeds.Parse(spec.substr(sizeof(kRandom) - 1));
    if (seed) return Random(shape, *seed);
    return absl::InvalidArgumentError(
        absl::StrCat("--placement ", kRandom, "SEED: the seed ", kSeeds.Rule()));
  }
  if (spec.starts_with(kShares)) {
    const absl::StatusOr<std::vector<int64_t>> shares =
        ParseShares(spec.substr(sizeof(kShares) - 1), shape.num_ranks);
    if (!shares.ok()) return shares.status();
    return InShares(shape, *shares);
  }
  if (!IsName(spec)) {
    return absl::InvalidArgumentError(
        "--placement must be contiguous, round-robin, random:SEED or shares:A,B,...");
  }
  ExpertPlacement placement(shape);
  const auto rank_of = spec == kContiguous ? ContiguousRank : RoundRobinRank;
  for (int64_t i = 0; i < std::ssize(placement.ranks_); ++i) {
    const int64_t rank = rank_of(shape, i / shape.num_experts, i % shape.num_experts);
    placement.ranks_[i] = {static_cast<int32_t>(rank)};
  }
  return placement;
}

int64_t ExpertPlacement::MostPairs(PlacementShape shape) {
  const auto share = [&](int64_t items) { return (items + shape.num_ranks - 1) / shape.num_ranks; };
  if (shape.num_ranks <= shape.num_experts) return share(shape.num_experts) * shape.num_layers;
  return share(int64_t{shape.num_layers} * shape.num_experts);
}

ExpertPlacement ExpertPlacement::ByRoom(PlacementShape shape, std::span<const int64_t> rooms) {
  OCTET_CHECK(std::ssize(rooms) == shape.num_ranks);
  const int64_t num_pairs = int64_t{shape.num_layers} * shape.num_experts;
  // No rank needs more room than all pairs.
  std::vector<int64_t> shares(rooms.begin(), rooms.end());
  for (int64_t& room : shares) room = std::clamp<int64_t>(room, 0, num_pairs);
  if (std::ranges::count(shares, 0) == shape.num_ranks) std::ranges::fill(shares, 1);
  return InShares(shape, shares);
}

ExpertPlacement ExpertPlacement::InShares(PlacementShape shape, std::span<const int64_t> shares) {
  const int64_t num_pairs = int64_t{shape.num_layers} * shape.num_experts;
  std::vector<int64_t> ends(shape.num_ranks);
  std::partial_sum(shares.begin(), shares.end(), ends.begin());
  ExpertPlacement placement(shape);
  int32_t rank = 0;
  for (int64_t pair = 0; pair < num_pairs; ++pair) {
    while (ends[rank] * num_pairs <= pair * ends.back()) ++rank;
    const int64_t expert = pair / shape.num_layers;
    const int64_t layer = pair % shape.num_layers;
    placement.ranks_[layer * shape.num_experts + expert] = {rank};
  }
  return placement;
}

ExpertPlacement ExpertPlacement::Random(PlacementShape shape, uint64_t seed) {
  ExpertPlacement placement(shape);
  std::mt19937_64 random(seed);
  LeastLoadedRanks ranks(shape.num_ranks);
  std::vector<int> order(shape.num_experts);
  for (int64_t layer = 0; layer < shape.num_layers; ++layer) {
    std::vector<int32_t>* const of_layer = &placement.ranks_[layer * shape.num_experts];
    if (shape.num_ranks > shape.num_experts) {
      const std::vector<int> drawn = ranks.Draw(shape.num_experts, random);
      for (int e = 0; e < shape.num_experts; ++e) of_layer[e] = {drawn[e]};
      continue;
    }
    std::iota(order.begin(), order.end(), 0);
    Shuffle(order, random);
    for (int64_t i = 0; i < shape.num_experts; ++i) {
      of_layer[order[i]] = {static_cast<int32_t>(i * shape.num_ranks / shape.num_experts)};
    }
  }
  return placement;
}

ExpertPlacement ExpertPlacement::FromRanks(PlacementShape shape,
                                           std::vector<std::vector<int32_t>> ranks) {
  ExpertPlacement placement(shape);
  OCTET_CHECK(ranks.size() == placement.ranks_.size());
  placement.ranks_ = std::move(ranks);
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

Placement ExpertPlacement::ToProto() const {
  Placement proto;
  for (int layer = 0; layer < shape_.num_layers; ++layer) {
    LayerPlacement& experts = *proto.add_layers();
    for (int expert = 0; expert < shape_.num_experts; ++expert) {
      const std::span<const int32_t> owners = ranks(layer, expert);
      experts.add_experts()->mutable_ranks()->Add(owners.begin(), owners.end());
    }
  }
  return proto;
}

bool ExpertPlacement::Owns(int layer, int expert, int rank) const {
  const std::span<const int32_t> owners = ranks(layer, expert);
  return std::find(owners.begin(), owners.end(), rank) != owners.end();
}

void ExpertPlacement::TakeLayer(int layer, const ExpertPlacement& other) {
  const auto first = int64_t{layer} * shape_.num_experts;
  std::copy_n(other.ranks_.begin() + first, shape_.num_experts, ranks_.begin() + first);
}

std::vector<int64_t> ExpertPlacement::CountPairs() const {
  std::vector<int64_t> pairs(shape_.num_ranks);
  for (const std::vector<int32_t>& ranks : ranks_) {
    for (const int32_t rank : ranks) ++pairs[rank];
  }
  return pairs;
}

std::vector<int> ExpertPlacement::IdleRanks() const {
  const std::vector<int64_t> pairs = CountPairs();
  std::vector<int> idle;
  for (int rank = 0; rank < shape_.num_ranks; ++rank) {
    if (pairs[rank] == 0) idle.push_back(rank);
  }
  return idle;
}

std::vector<int> ExpertPlacement::LocalExperts(int layer, int rank) const {
  std::vector<int> local;
  for (int expert = 0; expert < shape_.num_experts; ++expert) {
    if (Owns(layer, expert, rank)) local.push_back(expert);
  }
  return local;
}

}  // namespace octet
