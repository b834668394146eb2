#include "parallel/planner/layer_planner.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "kernels/base/check.h"
#include "parallel/placement/partition_walk.h"
#include "parallel/planner/layer_search.h"
#include "parallel/planner/load_bound.h"
#include "parallel/planner/slot_filling.h"

namespace octet {
namespace {

constexpr int kMostExpertsListed = 16;
constexpr size_t kMostPartitions = 200'000;
// Operations that one layer may take, about a nanosecond each.
constexpr double kListingBudget = 2e8;
constexpr double kWantedEvaluations = 1000;
constexpr double kMostEvaluations = 20'000;
constexpr double kLeastEvaluations = 200;
constexpr int64_t kMostSearchedSets = 512;
constexpr double kFixedOperations = 2e7;

// Lists partitions up to a number of them.
struct PartitionList {
  std::vector<std::vector<int32_t>> rank_of;

  static bool Enter(int /*expert*/, int /*rank*/) { return true; }
  static void Leave(int /*expert*/, int /*rank*/) {}
  bool Visit(const std::vector<int32_t>& partition) {
    rank_of.push_back(partition);
    return rank_of.size() <= kMostPartitions;
  }
};

LayerRanks ToRanks(const std::vector<int32_t>& rank_of) {
  LayerRanks ranks;
  for (const int32_t rank : rank_of) ranks.push_back({rank});
  return ranks;
}

// Ranks of one kind are on one host and have the same speed.
std::vector<int> KindsOf(const RankTraits& ranks) {
  std::vector<int> kinds;
  for (int r = 0; r < ranks.num_ranks(); ++r) {
    int kind = 0;
    while (ranks.speeds[kind] != ranks.speeds[r] || ranks.hosts[kind] != ranks.hosts[r]) ++kind;
    kinds.push_back(kind);
  }
  return kinds;
}

// Returns at most kMostSearchedSets sets, evenly spaced, unless they are all pairs of experts.
TokenSets SomeSets(const TokenSets& sets) {
  if (sets.topk == 2 || sets.num_sets() <= kMostSearchedSets) return sets;
  TokenSets some = {.topk = sets.topk, .experts = {}, .tokens = {}};
  const int64_t stride = (sets.num_sets() + kMostSearchedSets - 1) / kMostSearchedSets;
  for (int64_t i = 0; i < sets.num_sets(); i += stride) {
    const auto experts = std::span(sets.experts).subspan(i * sets.topk, sets.topk);
    some.experts.insert(some.experts.end(), experts.begin(), experts.end());
    some.tokens.push_back(sets.tokens[i]);
  }
  return some;
}

double LeastOf(const ListedPartitions& all, double LayerFigures::*figure) {
  double least = all.figures.front().*figure;
  for (const LayerFigures& figures : all.figures) least = std::min(least, figures.*figure);
  return least;
}

StepMatrix StepsOrTotal(const LayerCounts& counts) {
  return counts.num_steps() > 0 ? StepMatrix::OfSteps(counts) : StepMatrix::OfTotal(counts);
}

}  // namespace

LayerPlanner::LayerPlanner(const LayerCounts& counts, std::vector<int> slots,
                           const RankTraits& ranks, double host_weight, uint64_t seed,
                           double proof_operations)
    : counts_(counts),
      slots_(std::move(slots)),
      ranks_(ranks),
      host_weight_(host_weight),
      seed_(seed),
      proof_operations_(proof_operations),
      total_(StepMatrix::OfTotal(counts)),
      steps_(StepsOrTotal(counts)),
      num_slots_(std::accumulate(slots_.begin(), slots_.end(), 0)),
      speed_(std::accumulate(ranks.speeds.begin(), ranks.speeds.end(), 0.0)),
      busiest_(ranks.speeds),
      copies_(ranks.hosts) {
  OCTET_CHECK(num_slots_ >= counts.num_experts());
}

double LayerPlanner::Ratio(double mean_time, const StepMatrix& steps) const {
  if (steps.sum() == 0) return 1;
  return mean_time * static_cast<double>(steps.num_steps()) * speed_ / steps.sum();
}

double LayerPlanner::Copies(const LayerRanks& ranks, const TokenSets& sets) {
  const TokenCopies copies = copies_.Count(ranks, sets);
  return copies.ranks + host_weight_ * copies.hosts;
}

LayerFigures LayerPlanner::Measure(const LayerRanks& ranks) {
  return {.total = TotalRatio(ranks),
          .steps = StepsRatio(ranks, steps_),
          .copies = counts_.sets.num_sets() > 0 ? Copies(ranks, counts_.sets) : 0};
}

const ListedPartitions& LayerPlanner::partitions() {
  if (partitions_) return *partitions_;
  ListedPartitions& all = partitions_.emplace();
  const int num_experts = counts_.num_experts();
  if (num_slots_ > num_experts || num_experts > kMostExpertsListed) return all;
  PartitionList list;
  std::vector<int> order(num_experts);
  std::iota(order.begin(), order.end(), 0);
  PartitionWalk(std::move(order), slots_, KindsOf(ranks_)).Run(list);
  if (list.rank_of.size() > kMostPartitions) return all;
  all.rank_of = std::move(list.rank_of);
  const auto number = static_cast<double>(all.rank_of.size());
  const double per_step = num_experts + ranks_.num_ranks();
  all.has_steps = number * per_step * static_cast<double>(steps_.num_steps()) <= kListingBudget;
  const double sets = static_cast<double>(counts_.sets.num_sets()) * counts_.sets.topk;
  all.has_copies = sets > 0 && number * sets * 50 <= kListingBudget;
  for (const std::vector<int32_t>& rank_of : all.rank_of) {
    const LayerRanks ranks = ToRanks(rank_of);
    all.figures.push_back({.total = TotalRatio(ranks),
                           .steps = all.has_steps ? StepsRatio(ranks, steps_) : 0,
                           .copies = all.has_copies ? Copies(ranks, counts_.sets) : 0});
  }
  return all;
}

bool LayerPlanner::IsEnumerated(const PlanObjective& objective) {
  const ListedPartitions& all = partitions();
  return !all.rank_of.empty() && (objective.steps == 0 || all.has_steps) &&
         (objective.copies == 0 || all.has_copies);
}

LayerSlots LayerPlanner::Plan(const PlanObjective& objective, const SearchLimits& limits) {
  if (!IsEnumerated(objective)) {
    if (objective.steps == 0 && objective.copies == 0) return PlanTotal(limits).slots;
    if (objective.total == 0 && objective.copies == 0) return PlanSteps(limits).slots;
    return PlanBySearch(objective, limits, objective.Of(Bounds()));
  }
  const ListedPartitions& all = partitions();
  size_t best = 0;
  for (size_t i = 1; i < all.figures.size(); ++i) {
    if (objective.Of(all.figures[i]) < objective.Of(all.figures[best])) best = i;
  }
  LayerSlots slots(slots_.size());
  for (int e = 0; e < counts_.num_experts(); ++e) slots[all.rank_of[best][e]].push_back(e);
  return slots;
}

double LayerPlanner::OperationsOfStep() const {
  const int num_ranks = ranks_.num_ranks();
  if (num_slots_ == counts_.num_experts()) return counts_.num_experts() + num_ranks;
  if (TakesFlows()) return 100.0 * num_slots_;
  const int in_sets = std::min(num_ranks, counts_.num_experts());
  return std::exp2(in_sets) * in_sets / 4;
}

bool LayerPlanner::TakesFlows() const {
  return num_slots_ > counts_.num_experts() &&
         std::min(ranks_.num_ranks(), counts_.num_experts()) > BusiestRank::kMostInSets;
}

const ProvenPlan& LayerPlanner::PlanTotal(const SearchLimits& limits) {
  if (total_plan_) return *total_plan_;
  ProvenPlan& plan = total_plan_.emplace();
  plan.bound = LoadBound(counts_.num_experts(), slots_, ranks_.speeds).Mean(total_);
  plan.slots = PlanBySearch({.total = 1}, limits, Ratio(plan.bound, total_));
  plan.time = busiest_.Mean(RanksOf(plan.slots, counts_.num_experts()), total_);
  ProvePlan(total_, slots_, ranks_.speeds, proof_operations_, plan);
  return plan;
}

const ProvenPlan& LayerPlanner::PlanSteps(const SearchLimits& limits) {
  if (steps_plan_) return *steps_plan_;
  ProvenPlan plan;
  plan.bound = StepsBound();
  plan.slots = PlanBySearch({.steps = 1}, limits, Ratio(plan.bound, steps_));
  plan.time = busiest_.Mean(RanksOf(plan.slots, counts_.num_experts()), steps_);
  if (CanProveSteps()) ProvePlan(steps_, slots_, ranks_.speeds, proof_operations_, plan);
  return steps_plan_.emplace(std::move(plan));
}

// Returns a time below which no placement is. The best divisions of all steps together divide the
// total.
double LayerPlanner::StepsBound() {
  LoadBound bound(counts_.num_experts(), slots_, ranks_.speeds);
  const double of_total =
      LeastTotal() * steps_.sum() / (speed_ * static_cast<double>(steps_.num_steps()));
  return std::max({of_total, bound.Mean(steps_), bound.MeanOfFixed(steps_, kFixedOperations)});
}

// Whether a proof can look at some hundreds of placements in all steps.
bool LayerPlanner::CanProveSteps() const {
  constexpr double kLeastPlaced = 200;
  const double of_one = std::exp2(ranks_.num_ranks()) * static_cast<double>(steps_.num_steps());
  return CanProve(steps_, ranks_.num_ranks()) && of_one * kLeastPlaced <= proof_operations_;
}

LayerSlots LayerPlanner::PlanBySearch(const PlanObjective& objective, const SearchLimits& limits,
                                      double bound) {
  double of_one = 1000 + 60.0 * (num_slots_ + counts_.num_experts());  // operations
  // One step costs as much as a block of them, but for flows.
  if (objective.total > 0) of_one += (TakesFlows() ? 1 : BusiestRank::kBlock) * OperationsOfStep();
  const TokenSets sets = SomeSets(counts_.sets);
  if (objective.copies > 0) {
    const double topk = sets.topk;
    const bool has_replicas = num_slots_ > counts_.num_experts();
    of_one += static_cast<double>(sets.num_sets()) * topk * (has_replicas ? 5 * topk * topk : 15);
  }
  // As many steps as leave time for many changes.
  const double affordable =
      std::max(32.0, (limits.operations / kWantedEvaluations - of_one) / OperationsOfStep());
  const auto stride =
      static_cast<int64_t>(std::ceil(static_cast<double>(steps_.num_steps()) / affordable));
  const StepMatrix steps =
      counts_.num_steps() > 0 ? StepMatrix::OfSteps(counts_, stride) : StepMatrix::OfTotal(counts_);
  if (objective.steps > 0) of_one += OperationsOfStep() * static_cast<double>(steps.num_steps());
  LayerSearch::Task task;
  task.num_experts = counts_.num_experts();
  task.evaluations = static_cast<int64_t>(
      std::clamp(limits.operations / of_one, kLeastEvaluations, kMostEvaluations));
  task.enough = bound * (1 + kClose);
  task.value = [&](const LayerRanks& ranks) {
    LayerFigures figures;
    if (objective.total > 0) figures.total = TotalRatio(ranks);
    if (objective.steps > 0) figures.steps = StepsRatio(ranks, steps);
    if (objective.copies > 0) figures.copies = Copies(ranks, sets);
    return objective.Of(figures);
  };
  task.critical = [&](const LayerRanks& ranks) -> std::span<const uint8_t> {
    if (objective.copies > objective.total + objective.steps) return {};
    return CriticalRanks(ranks);
  };
  LayerSlots start =
      limits.start != nullptr ? *limits.start : FillWell(counts_, slots_, ranks_.speeds);
  LayerSlots best = LayerSearch(std::move(task), seed_).Improve(start);
  if (stride == 1 || objective.steps == 0) return best;
  // What is better in some steps may not be so in all.
  const auto value = [&](const LayerSlots& slots) {
    return objective.Of(Measure(RanksOf(slots, counts_.num_experts())));
  };
  return value(best) <= value(start) ? best : start;
}

LayerSlots LayerPlanner::MakeSteady(LayerSlots best, const SearchLimits& limits) {
  if (num_slots_ == counts_.num_experts()) return best;
  constexpr int64_t kVaried = 32;
  const StepMatrix varied = StepMatrix::OfVariedTotals(counts_, kVaried, seed_);
  const double least = TotalRatio(RanksOf(best, counts_.num_experts())) * (1 + 1e-12);
  LayerSearch::Task task;
  task.num_experts = counts_.num_experts();
  task.evaluations = static_cast<int64_t>(std::clamp(
      limits.operations / (2 * kVaried * OperationsOfStep()), kLeastEvaluations, kMostEvaluations));
  task.value = [&](const LayerRanks& ranks) {
    constexpr double kWorse = 1000;
    return (TotalRatio(ranks) > least ? kWorse : 0) + StepsRatio(ranks, varied);
  };
  task.critical = [](const LayerRanks&) { return std::span<const uint8_t>(); };
  return LayerSearch(std::move(task), seed_).Improve(std::move(best));
}

std::span<const uint8_t> LayerPlanner::CriticalRanks(const LayerRanks& ranks) {
  flow_.Begin(ranks_.speeds);
  for (int e = 0; e < counts_.num_experts(); ++e) {
    flow_.AddExpert(total_.expert(e)[0], ranks[e]);
  }
  flow_.Divide();
  return flow_.critical();
}

// A token whose two experts are on one rank has one destination, any other two. On its rank an
// expert is together with so few others that they can't be more tokens than its heaviest pairs.
double LayerPlanner::CopiesBound() const {
  const TokenSets& sets = counts_.sets;
  if (sets.topk != 2 || num_slots_ > counts_.num_experts()) return 0;
  const int most_slots = *std::ranges::max_element(slots_);
  const auto num_experts = static_cast<size_t>(counts_.num_experts());
  std::vector<std::vector<int64_t>> pairs(num_experts, std::vector<int64_t>(num_experts));
  double tokens = 0;
  for (int64_t i = 0; i < sets.num_sets(); ++i) {
    pairs[sets.experts[2 * i]][sets.experts[2 * i + 1]] += sets.tokens[i];
    pairs[sets.experts[2 * i + 1]][sets.experts[2 * i]] += sets.tokens[i];
    tokens += static_cast<double>(sets.tokens[i]);
  }
  double together = 0;
  for (std::vector<int64_t>& of_expert : pairs) {
    std::ranges::sort(of_expert, std::greater());
    for (int i = 0; i + 1 < most_slots && i < std::ssize(of_expert); ++i) {
      together += static_cast<double>(of_expert[i]) / 2;
    }
  }
  const double away = 1 - 1 / static_cast<double>(ranks_.num_ranks());
  return away * (2 - std::min(together / tokens, 1.0));
}

double LayerPlanner::LeastTotal() {
  const ListedPartitions& all = partitions();
  return all.figures.empty() ? Ratio(PlanTotal({}).bound, total_)
                             : LeastOf(all, &LayerFigures::total);
}

LayerFigures LayerPlanner::ComputeBounds() {
  const ListedPartitions& all = partitions();
  LayerFigures least;
  least.total = LeastTotal();
  if (counts_.num_steps() == 0) {
    least.steps = least.total;
  } else if (all.has_steps) {
    least.steps = LeastOf(all, &LayerFigures::steps);
  } else {
    least.steps = Ratio(CanProveSteps() ? PlanSteps({}).bound : StepsBound(), steps_);
  }
  if (counts_.sets.num_sets() > 0) least.copies = CopiesBound();
  if (all.has_copies) least.copies = LeastOf(all, &LayerFigures::copies);
  return least;
}

LayerFigures LayerPlanner::Bounds() {
  if (!bounds_) bounds_ = ComputeBounds();
  return *bounds_;
}

ReachedBounds LayerPlanner::Reached() {
  Bounds();
  const ListedPartitions& all = partitions();
  return {.total = !all.rank_of.empty() || total_plan_->IsBest(),
          .steps = all.has_steps || (steps_plan_ && steps_plan_->IsBest())};
}

}  // namespace octet
