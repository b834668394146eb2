#include "parallel/placement/balanced_placement.h"

#include <algorithm>
#include <numeric>
#include <tuple>

#include "kernels/base/check.h"
#include "parallel/placement/eplb.h"
#include "parallel/placement/partition_walk.h"

namespace octet {
namespace {

using RanksOfExperts = std::vector<std::vector<int32_t>>;  // of one layer, each ascending

void Add(std::vector<int32_t>& ranks, int32_t rank) {
  const auto at = std::lower_bound(ranks.begin(), ranks.end(), rank);
  if (at == ranks.end() || *at != rank) ranks.insert(at, rank);
}

// A search for the best partition, which leaves out what can't be better than the best so far.
class PartitionSearch {
 public:
  PartitionSearch(std::span<const int64_t> counts, int num_ranks, int first_larger)
      : counts_(counts), loads_(num_ranks) {
    std::vector<int> heaviest_first(counts.size());
    std::iota(heaviest_first.begin(), heaviest_first.end(), 0);
    std::stable_sort(heaviest_first.begin(), heaviest_first.end(),
                     [&](int a, int b) { return counts[a] > counts[b]; });
    const EplbShape shape = {.num_slots = static_cast<int>(std::ssize(counts)),
                             .num_ranks = num_ranks};
    std::vector<int> rooms(num_ranks);
    for (int r = 0; r < num_ranks; ++r) rooms[r] = NumSlots(shape, r, first_larger);
    PartitionWalk(std::move(heaviest_first), std::move(rooms), std::vector<int>(num_ranks))
        .Run(*this);
  }

  const std::vector<int32_t>& best() const { return best_; }  // [experts] rank

  bool Enter(int expert, int rank) {
    loads_[rank] += counts_[expert];
    return best_.empty() || Busiest() < least_;
  }
  void Leave(int expert, int rank) { loads_[rank] -= counts_[expert]; }
  bool Visit(const std::vector<int32_t>& rank_of) {
    best_ = rank_of;
    least_ = Busiest();
    return true;
  }

 private:
  int64_t Busiest() const { return *std::max_element(loads_.begin(), loads_.end()); }

  std::span<const int64_t> counts_;
  std::vector<int64_t> loads_;  // [ranks]
  std::vector<int32_t> best_;
  int64_t least_ = 0;
};

// The replicas of one layer. pairs: [ranks], the pairs of all layers, with the replicas so far.
class LayerReplicas {
 public:
  LayerReplicas(RanksOfExperts& ranks, std::span<const int64_t> counts, std::vector<int64_t>& pairs)
      : ranks_(ranks), counts_(counts), pairs_(pairs) {}

  // Returns false if every expert is on every rank.
  bool AddOne() {
    const std::vector<double> loads = RankLoads();
    const auto key = [&](int expert, int32_t rank) {
      return std::tuple(pairs_[rank], -Share(expert), loads[rank]);
    };
    std::vector<int> order(ranks_.size());
    std::iota(order.begin(), order.end(), 0);
    std::ranges::stable_sort(order, [&](int a, int b) { return Share(a) > Share(b); });
    const int64_t fewest = *std::ranges::min_element(pairs_);
    std::pair<int, int32_t> best = {-1, -1};  // expert and rank
    for (const int e : order) {
      const bool is_found = best.first >= 0 && pairs_[best.second] == fewest;
      if (is_found && Share(e) < Share(best.first)) break;  // no other key is less
      for (int32_t r = 0; r < std::ssize(pairs_); ++r) {
        if (std::ranges::binary_search(ranks_[e], r)) continue;
        if (best.first < 0 || key(e, r) < key(best.first, best.second)) best = {e, r};
      }
    }
    if (best.first < 0) return false;
    Add(ranks_[best.first], best.second);
    ++pairs_[best.second];
    return true;
  }

 private:
  double Share(int expert) const {
    return static_cast<double>(counts_[expert]) / static_cast<double>(ranks_[expert].size());
  }

  std::vector<double> RankLoads() const {
    std::vector<double> loads(pairs_.size());
    for (int e = 0; e < std::ssize(ranks_); ++e) {
      for (const int32_t rank : ranks_[e]) loads[rank] += Share(e);
    }
    return loads;
  }

  RanksOfExperts& ranks_;
  std::span<const int64_t> counts_;
  std::vector<int64_t>& pairs_;
};

}  // namespace

ExpertPlacement PlaceByEplb(PlacementShape shape, const ExpertCounts& counts, int num_replicas) {
  OCTET_CHECK(std::ssize(counts) == shape.num_layers);
  const EplbShape eplb = {.num_slots = shape.num_experts + num_replicas,
                          .num_ranks = shape.num_ranks};
  RanksOfExperts ranks(static_cast<size_t>(shape.num_layers) * shape.num_experts);
  int first_larger = 0;
  for (int64_t layer = 0; layer < shape.num_layers; ++layer) {
    const std::vector<int> slots = EplbSlots(counts[layer], eplb, first_larger);
    int64_t slot = 0;
    for (int r = 0; r < shape.num_ranks; ++r) {
      const int64_t end = slot + NumSlots(eplb, r, first_larger);
      for (; slot < end; ++slot) Add(ranks[layer * shape.num_experts + slots[slot]], r);
    }
    first_larger = (first_larger + eplb.num_slots) % shape.num_ranks;
  }
  return ExpertPlacement::FromRanks(shape, std::move(ranks));
}

ExpertPlacement PlaceByPartition(PlacementShape shape, const ExpertCounts& counts) {
  OCTET_CHECK(std::ssize(counts) == shape.num_layers && shape.num_experts <= kMostPartitioned);
  RanksOfExperts ranks;
  for (int64_t layer = 0; layer < shape.num_layers; ++layer) {
    const auto first_larger = static_cast<int>(layer * shape.num_experts % shape.num_ranks);
    const PartitionSearch search(counts[layer], shape.num_ranks, first_larger);
    for (const int32_t rank : search.best()) ranks.push_back({rank});
  }
  return ExpertPlacement::FromRanks(shape, std::move(ranks));
}

ExpertPlacement AddReplicas(const ExpertPlacement& base, const ExpertCounts& counts,
                            int num_replicas) {
  const PlacementShape shape = base.shape();
  OCTET_CHECK(std::ssize(counts) == shape.num_layers);
  std::vector<int64_t> pairs(shape.num_ranks);
  for (int layer = 0; layer < shape.num_layers; ++layer) {
    for (int e = 0; e < shape.num_experts; ++e) {
      for (const int32_t rank : base.ranks(layer, e)) ++pairs[rank];
    }
  }
  RanksOfExperts ranks;
  for (int layer = 0; layer < shape.num_layers; ++layer) {
    RanksOfExperts of_layer;
    for (int e = 0; e < shape.num_experts; ++e) {
      const auto given = base.ranks(layer, e);
      of_layer.emplace_back(given.begin(), given.end());
    }
    LayerReplicas replicas(of_layer, counts[layer], pairs);
    for (int i = 0; i < num_replicas && replicas.AddOne(); ++i) {
    }
    std::ranges::move(of_layer, std::back_inserter(ranks));
  }
  return ExpertPlacement::FromRanks(shape, std::move(ranks));
}

}  // namespace octet
