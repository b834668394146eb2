#include "parallel/planner/placement_planner.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <numeric>

#include "parallel/placement/balanced_placement.h"
#include "parallel/placement/eplb.h"

namespace octet {
namespace {

// What the proofs of all layers together may cost, and that of one.
constexpr double kProofOperations = 6e9;
constexpr double kMostProofOperations = 1e9;

int Sum(const std::vector<int>& slots) { return std::accumulate(slots.begin(), slots.end(), 0); }

// Returns the number of nodes: hosts, if they are equally large groups of consecutive ranks.
int CountNodes(const RankTraits& ranks) {
  const int num_hosts = 1 + *std::ranges::max_element(ranks.hosts);
  if (ranks.num_ranks() % num_hosts != 0) return 1;
  for (int r = 0; r < ranks.num_ranks(); ++r) {
    if (ranks.hosts[r] != r / (ranks.num_ranks() / num_hosts)) return 1;
  }
  return num_hosts;
}

absl::StatusOr<SlotPlan> PlanByEplb(const RoutingCounts& counts, const PlanSetting& setting) {
  SlotPlan plan = {.shape = setting.shape, .layers = {}};
  EplbShape eplb = {.num_slots = 0,
                    .num_ranks = setting.shape.num_ranks,
                    .num_groups = setting.expert_groups,
                    .num_nodes = CountNodes(setting.ranks)};
  int first_larger = 0;
  for (int l = 0; l < setting.shape.num_layers; ++l) {
    eplb.num_slots = Sum(setting.slots[l]);
    for (int r = 0; r < setting.shape.num_ranks; ++r) {
      if (setting.slots[l][r] == NumSlots(eplb, r, first_larger)) continue;
      return absl::InvalidArgumentError("eplb needs equally many slots on each rank, or one more");
    }
    if (setting.shape.num_experts % eplb.num_groups != 0 || eplb.num_slots % eplb.num_nodes != 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          "eplb can't divide ", setting.shape.num_experts, " experts into ", eplb.num_groups,
          " groups, or ", eplb.num_slots, " slots over ", eplb.num_nodes, " hosts"));
    }
    const std::vector<int> experts = EplbSlots(counts.layers[l].total, eplb, first_larger);
    LayerSlots& slots = plan.layers.emplace_back();
    auto next = experts.begin();
    for (const int size : setting.slots[l]) {
      slots.emplace_back(next, next + size);
      next += size;
    }
    first_larger = (first_larger + eplb.num_slots) % setting.shape.num_ranks;
  }
  return plan;
}

// Returns the most replicas that every layer has slots for.
int CommonReplicas(const PlanSetting& setting) {
  int least = Sum(setting.slots.front());
  for (const std::vector<int>& slots : setting.slots) least = std::min(least, Sum(slots));
  return least - setting.shape.num_experts;
}

}  // namespace

PlacementPlanner::PlacementPlanner(const RoutingCounts& counts, const PlanSetting& setting)
    : setting_(setting) {
  const double proof =
      std::min(kProofOperations / static_cast<double>(counts.layers.size()), kMostProofOperations);
  for (size_t l = 0; l < counts.layers.size(); ++l) {
    layers_.emplace_back(counts.layers[l], setting.slots[l], setting.ranks, setting.host_weight,
                         setting.seed + l, proof);
  }
}

SlotPlan PlacementPlanner::Plan(const PlanObjective& objective, const SlotPlan* start) {
  constexpr double kOperationsFromStart = 2e7;
  SlotPlan plan = {.shape = setting_.shape, .layers = {}};
  for (size_t l = 0; l < layers_.size(); ++l) {
    SearchLimits limits;
    if (start != nullptr) limits = {kOperationsFromStart, &start->layers[l]};
    LayerSlots slots = layers_[l].Plan(objective, limits);
    const bool by_total = objective.steps == 0 && objective.copies == 0;
    if (by_total) slots = layers_[l].MakeSteady(std::move(slots), limits);
    plan.layers.push_back(std::move(slots));
  }
  return plan;
}

std::vector<LayerFigures> PlacementPlanner::Bounds() {
  std::vector<LayerFigures> bounds;
  for (LayerPlanner& layer : layers_) bounds.push_back(layer.Bounds());
  return bounds;
}

std::vector<ReachedBounds> PlacementPlanner::Reached() {
  std::vector<ReachedBounds> reached;
  for (LayerPlanner& layer : layers_) reached.push_back(layer.Reached());
  return reached;
}

absl::StatusOr<SlotPlan> PlanByRule(const std::string& policy, const RoutingCounts& counts,
                                    const PlanSetting& setting) {
  if (policy == "eplb") return PlanByEplb(counts, setting);
  absl::StatusOr<ExpertPlacement> placement = ExpertPlacement::Parse(policy, setting.shape);
  if (!placement.ok()) return placement.status();
  const int replicas = CommonReplicas(setting);
  if (replicas == 0) return SlotPlan::From(*placement);
  ExpertCounts totals;
  for (const LayerCounts& layer : counts.layers) totals.push_back(layer.total);
  return SlotPlan::From(AddReplicas(*placement, totals, replicas));
}

ReplicaDivision DivideReplicas(const RoutingCounts& counts, const PlanSetting& setting,
                               int budget) {
  const PlacementShape shape = setting.shape;
  const PlacementShape one_layer = {1, shape.num_experts, shape.num_ranks};
  constexpr double kOperations = 1e7;
  const int useful = std::min(budget, (shape.num_ranks - 1) * shape.num_experts);
  const int most = std::min(useful, 2 * shape.num_experts);
  std::vector<CostOfReplicas> costs, bounds;
  for (const LayerCounts& layer : counts.layers) {
    LayerCounts totals = {.total = layer.total, .steps = {}, .sets = {}};
    CostOfReplicas& cost = costs.emplace_back();
    CostOfReplicas& bound = bounds.emplace_back();
    for (int n = 0; n <= most; ++n) {
      const SlotRooms rooms = SpreadSlots(one_layer, std::span(&n, 1));
      LayerPlanner planner(totals, rooms[0], setting.ranks, 0, setting.seed, kOperations);
      const LayerSlots slots =
          planner.Plan({.total = 1, .steps = 0, .copies = 0}, {kOperations, nullptr});
      cost.push_back(planner.Measure(RanksOf(slots, shape.num_experts)).total);
      bound.push_back(planner.Bounds().total);
      // More replicas give nothing to a layer in which all ranks are equally busy.
      if (cost.back() <= 1 + 1e-6) break;
    }
    if (most < useful) bound.back() = 1;
  }
  return DivideReplicas(costs, bounds, budget);
}

}  // namespace octet
