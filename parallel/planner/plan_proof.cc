#include "parallel/planner/plan_proof.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <optional>

#include "parallel/planner/exact_search.h"

namespace octet {
namespace {

// Returns the slots of a placement; what it leaves free gets the heaviest experts.
LayerSlots FillSpareSlots(const LayerRanks& ranks, std::span<const int> num_slots,
                          const StepMatrix& steps) {
  LayerSlots slots(num_slots.size());
  std::vector<std::pair<double, int32_t>> order;  // tokens, expert
  for (int32_t e = 0; e < std::ssize(ranks); ++e) {
    order.emplace_back(std::accumulate(steps.expert(e).begin(), steps.expert(e).end(), 0.0), e);
    for (const int32_t rank : ranks[e]) slots[rank].push_back(e);
  }
  std::ranges::stable_sort(order, [](const auto& a, const auto& b) { return a.first > b.first; });
  for (size_t r = 0; r < slots.size(); ++r) {
    for (const auto& [tokens, e] : order) {
      if (std::ssize(slots[r]) == num_slots[r]) break;
      if (std::ranges::find(slots[r], e) == slots[r].end()) slots[r].push_back(e);
    }
  }
  return slots;
}

constexpr int64_t kLeastMerged = 32;
constexpr int64_t kMostMerged = 512;
constexpr int64_t kFiner = 8;
constexpr double kWantedNodes = 1e5;

// A judge of placements in all steps.
class PlanJudge {
 public:
  PlanJudge(const StepMatrix& steps, const StepMatrix& coarse, int64_t most_finer,
            std::span<const int> slots, std::span<const double> speeds, ProvenPlan& plan)
      : steps_(steps),
        slots_(slots),
        busiest_(speeds),
        scale_(static_cast<double>(steps.num_steps()) / static_cast<double>(coarse.num_steps())),
        operations_of_step_(std::exp2(slots.size()) * static_cast<double>(slots.size()) / 4),
        plan_(plan) {
    if (most_finer < steps.num_steps()) finer_ = steps.Merged(most_finer);
  }

  // Returns a time of coarse steps.
  double Coarse(double time) const { return time * scale_; }

  ExactSearch::Judgement Judge(const LayerRanks& ranks) {
    double operations = 0;
    const auto mean = [&](const StepMatrix& steps) {
      operations += operations_of_step_ * static_cast<double>(steps.num_steps());
      return busiest_.Mean(ranks, steps);
    };
    const double enough = plan_.time * (1 - kClose);
    if (!finer_ || mean(*finer_) * FinerScale() < enough) {
      const double time = mean(steps_);
      if (time < enough) {
        plan_.slots = FillSpareSlots(ranks, slots_, steps_);
        plan_.time = time;
      }
    }
    return {.time = Coarse(plan_.time * (1 - kClose)), .operations = operations};
  }

 private:
  double FinerScale() const {
    return static_cast<double>(finer_->num_steps()) / static_cast<double>(steps_.num_steps());
  }

  const StepMatrix& steps_;
  std::optional<StepMatrix> finer_;  // none if it were all steps
  const std::span<const int> slots_;
  BusiestRank busiest_;
  const double scale_;
  const double operations_of_step_;
  ProvenPlan& plan_;
};

}  // namespace

MergedSteps MergedStepsOf(int num_ranks, double most_operations) {
  const double affordable = most_operations / (std::exp2(num_ranks) * kWantedNodes);
  const auto coarse = static_cast<int64_t>(std::bit_floor(
      static_cast<uint64_t>(std::clamp(affordable, double{kLeastMerged}, double{kMostMerged}))));
  return {.coarse = coarse, .finer = kFiner * coarse};
}

bool CanProve(const StepMatrix& steps, int num_ranks) {
  return ExactSearch::CanSearch(steps.num_experts(), num_ranks,
                                std::min(steps.num_steps(), kMostMerged));
}

void ProvePlan(const StepMatrix& steps, std::span<const int> slots, std::span<const double> speeds,
               double most_operations, ProvenPlan& plan) {
  const auto num_ranks = static_cast<int>(slots.size());
  if (!CanProve(steps, num_ranks)) return;
  constexpr int kMostUnknown = 5;
  const MergedSteps merged = MergedStepsOf(num_ranks, most_operations);
  const StepMatrix coarse = steps.Merged(merged.coarse);
  ExactSearch search(coarse, slots, speeds);
  PlanJudge judge(steps, coarse, merged.finer, slots, speeds, plan);
  int unknown = 0;
  double aim = plan.time * (1 - kClose);  // below which the search is
  double above = aim;                     // the least aim for which it was too long
  while (!plan.IsBest() && aim > plan.bound && unknown < kMostUnknown) {
    const bool seen_all =
        search.VisitBetter(judge.Coarse(aim), unknown == 0 ? most_operations : most_operations / 4,
                           [&](const LayerRanks& ranks) { return judge.Judge(ranks); });
    if (seen_all && unknown == 0) {
      plan.bound = plan.time;
    } else if (seen_all) {
      ++unknown;
      plan.bound = std::min(aim, plan.time);
      aim = (aim + above) / 2;
    } else {
      ++unknown;
      above = std::min(aim, plan.time);
      aim = (plan.bound + above) / 2;
    }
  }
}

}  // namespace octet
