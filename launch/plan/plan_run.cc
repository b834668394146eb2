#include "launch/plan/plan_run.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>

#include "launch/plan/plan_judge.h"
#include "launch/plan/plan_report.h"
#include "launch/setup/placement_file.h"

namespace octet {
namespace {

constexpr int kRandomSeeds = 20;
constexpr char kRandomPolicy[] = "random";

absl::Status BadPolicy(const std::string& what) { return absl::InvalidArgumentError(what); }

double MeanOfValues(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}
double LeastOfValues(const std::vector<double>& values) {
  return *std::ranges::min_element(values);
}
double MostOfValues(const std::vector<double>& values) { return *std::ranges::max_element(values); }

// The policies that search, each with the objective whose best placement it is.
struct SearchedPolicy {
  const char* name;
  const char* objective;
  double LayerFigures::*figure;  // whose bound says how far from the best it is
};
constexpr std::array kSearched = {
    SearchedPolicy{"load-optimal", kLoadObjective, &LayerFigures::total},
    SearchedPolicy{"time-optimal", kTimeObjective, &LayerFigures::steps},
    SearchedPolicy{"copy-optimal", kBytesObjective, &LayerFigures::copies},
    SearchedPolicy{"trade-off", kBothObjective, &LayerFigures::steps}};

const SearchedPolicy* FindSearched(const std::string& policy) {
  const auto found = std::ranges::find_if(
      kSearched, [&policy](const SearchedPolicy& searched) { return policy == searched.name; });
  return found == kSearched.end() ? nullptr : &*found;
}

class PlanRun {
 public:
  PlanRun(FileSystem& files, const PlanOptions& options, const PlanRouting& routing,
          const PlanSetting& setting)
      : files_(files), options_(options), setting_(setting), fit_(routing.fit, setting) {
    if (routing.judged) judged_.emplace(*routing.judged, setting);
    PlacementPlan& report = result_.report;
    *report.mutable_in_sample() = fit_.Describe(routing.fit_name);
    *report.mutable_bounds_in_sample() = fit_.DescribeBounds();
    if (!judged_) return;
    *report.mutable_judged() = judged_->Describe(routing.judged_name);
    *report.mutable_bounds_judged() = judged_->DescribeBounds();
  }

  absl::StatusOr<PlanResult> Run() {
    absl::Status status = ChooseObjective();
    if (!status.ok()) return status;
    const std::vector<std::string> policies = PoliciesToCompare();
    for (const std::string& policy : policies) {
      status = AddPolicy(policy);
      if (!status.ok()) return status;
    }
    if (options_.policies.empty() && HasSets()) AddFront();
    Describe();
    return std::move(result_);
  }

 private:
  bool HasSets() const { return fit_.counts().has_sets(); }

  absl::Status ChooseObjective() {
    std::string& objective = objective_;
    objective = options_.objective;
    if (objective.empty()) objective = fit_.counts().has_steps() ? kTimeObjective : kLoadObjective;
    if (objective == kLoadObjective || fit_.counts().has_steps()) return absl::OkStatus();
    return BadPolicy(absl::StrCat("--objective ", objective,
                                  " needs the steps of a trace (--trace, ",
                                  "or --fit FILE.zst): a load has no more than totals"));
  }

  std::string PolicyOfObjective() const {
    for (const SearchedPolicy& searched : kSearched) {
      if (objective_ == searched.objective) return searched.name;
    }
    return "";
  }

  std::vector<std::string> PoliciesToCompare() {
    std::vector<std::string> policies = options_.policies;
    const std::string best = PolicyOfObjective();
    result_.chosen = policies.size() == 1 ? policies.front() : best;
    if (policies.empty()) {
      policies = {"contiguous", "round-robin", kRandomPolicy};
      if (PlanByRule("eplb", fit_.counts(), setting_).ok()) policies.emplace_back("eplb");
      for (const SearchedPolicy& searched : kSearched) {
        const bool possible = std::string(searched.objective) == kLoadObjective || HasSets();
        if (possible) policies.emplace_back(searched.name);
      }
      return policies;
    }
    if (std::ranges::find(policies, result_.chosen) == policies.end()) policies.push_back(best);
    return policies;
  }

  absl::StatusOr<SlotPlan> MakePlan(const std::string& policy) {
    const SearchedPolicy* const searched = FindSearched(policy);
    if (searched != nullptr) {
      const bool is_load = searched->figure == &LayerFigures::total;
      if (!is_load && !HasSets()) {
        return BadPolicy(absl::StrCat("--policy ", policy, " needs the steps of a trace"));
      }
      return MakeSearched(*searched);
    }
    if (policy == "eplb" || ExpertPlacement::IsName(policy)) {
      absl::StatusOr<SlotPlan> plan = PlanByRule(policy, fit_.counts(), setting_);
      if (plan.ok()) return plan;
      return BadPolicy(
          absl::StrCat("--policy ", policy, ": ", std::string(plan.status().message())));
    }
    if (!files_.Exists(policy)) {
      return BadPolicy(absl::StrCat("--policy ", policy, ": neither ", PlanPolicies(),
                                    " nor a file that can be read"));
    }
    return ReadSlotPlan(files_, "--policy", policy, setting_.shape);
  }

  SlotPlan MakeSearched(const SearchedPolicy& searched) {
    if (searched.figure == &LayerFigures::total) return fit_.planner().Plan({.total = 1});
    if (searched.figure == &LayerFigures::copies) return fit_.planner().Plan({.copies = 1});
    return PlanWithWeight(searched.objective == kBothObjective ? 1 : 0);
  }

  // Returns the placement with the least steps + weight * copies / (copies of time-optimal). A
  // search goes on from that of the weight before.
  SlotPlan PlanWithWeight(double weight) {
    if (!time_optimal_) time_optimal_ = fit_.planner().Plan({.steps = 1});
    if (weight == 0) return *time_optimal_;
    if (!copies_of_time_optimal_) {
      const PlacementFigures figures = fit_.Measure(*time_optimal_, &LayerFigures::steps);
      const double copies = figures.copies() + setting_.host_weight * figures.host_copies();
      copies_of_time_optimal_ = copies > 0 ? copies : 1;
    }
    if (!last_weighted_) last_weighted_ = time_optimal_;
    last_weighted_ = fit_.planner().Plan({.steps = 1, .copies = weight / *copies_of_time_optimal_},
                                         &*last_weighted_);
    return *last_weighted_;
  }

  absl::Status AddPolicy(const std::string& policy) {
    if (policy == kRandomPolicy) return AddRandom();
    absl::StatusOr<SlotPlan> plan = MakePlan(policy);
    if (!plan.ok()) return plan.status();
    const SearchedPolicy* const searched = FindSearched(policy);
    double LayerFigures::*const figure =
        searched != nullptr ? searched->figure : &LayerFigures::steps;
    PolicyFigures& figures = *result_.report.add_policies();
    figures.set_policy(policy);
    *figures.mutable_in_sample() = fit_.Measure(*plan, figure);
    if (judged_) *figures.mutable_judged() = judged_->Measure(*plan, figure);
    if (policy == result_.chosen) result_.plan = *std::move(plan);
    return absl::OkStatus();
  }

  absl::Status AddRandom() {
    std::vector<PlacementFigures> in_sample, judged;
    for (int i = 0; i < kRandomSeeds; ++i) {
      const absl::StatusOr<SlotPlan> plan =
          PlanByRule(absl::StrCat("random:", setting_.seed + i), fit_.counts(), setting_);
      if (!plan.ok()) return plan.status();
      in_sample.push_back(fit_.Measure(*plan, &LayerFigures::steps));
      if (judged_) judged.push_back(judged_->Measure(*plan, &LayerFigures::steps));
      if (i == 0 && result_.chosen == kRandomPolicy) result_.plan = *plan;
    }
    const auto add = [&](const std::string& name, auto combine) {
      PolicyFigures& figures = *result_.report.add_policies();
      figures.set_policy(name);
      *figures.mutable_in_sample() = CombineFigures(in_sample, combine);
      if (judged_) *figures.mutable_judged() = CombineFigures(judged, combine);
    };
    add(absl::StrCat(kRandomPolicy, ", mean of ", kRandomSeeds), MeanOfValues);
    add(absl::StrCat(kRandomPolicy, ", least"), LeastOfValues);
    add(absl::StrCat(kRandomPolicy, ", most"), MostOfValues);
    return absl::OkStatus();
  }

  // Adds the placements of weights that no other one is better than in both figures, in sample.
  void AddFront() {
    for (const double weight : {0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0}) {
      const SlotPlan plan = PlanWithWeight(weight);
      FrontPoint point;
      point.set_weight(weight);
      *point.mutable_in_sample() = fit_.Measure(plan, &LayerFigures::steps);
      if (judged_) *point.mutable_judged() = judged_->Measure(plan, &LayerFigures::steps);
      const auto weighted = [&](const FrontPoint& p) {
        return p.in_sample().copies() + setting_.host_weight * p.in_sample().host_copies();
      };
      const bool is_worse =
          std::ranges::any_of(result_.report.front(), [&](const FrontPoint& other) {
            return other.in_sample().steps() <= point.in_sample().steps() &&
                   weighted(other) <= weighted(point);
          });
      if (!is_worse) *result_.report.add_front() = point;
    }
  }

  void Describe() {
    PlacementPlan& report = result_.report;
    report.set_ranks(setting_.shape.num_ranks);
    report.set_hosts(1 + *std::ranges::max_element(setting_.ranks.hosts));
    report.set_num_layers(setting_.shape.num_layers);
    report.set_num_experts(setting_.shape.num_experts);
    for (const std::vector<int>& slots : setting_.slots) {
      report.add_slots(std::accumulate(slots.begin(), slots.end(), 0));
    }
    report.set_objective(objective_);
    report.set_seed(options_.seed);
    report.set_answer(AnswerOf(report, result_.chosen));
  }

  FileSystem& files_;
  const PlanOptions& options_;
  const PlanSetting& setting_;
  PlanJudge fit_;
  std::optional<PlanJudge> judged_;
  std::string objective_;
  std::optional<SlotPlan> time_optimal_, last_weighted_;
  std::optional<double> copies_of_time_optimal_;
  PlanResult result_;
};

}  // namespace

std::string PlanPolicies() {
  return "contiguous, round-robin, random, random:SEED, shares:A,B,..., eplb, load-optimal, "
         "time-optimal, copy-optimal, trade-off";
}

absl::StatusOr<PlanResult> RunPlan(FileSystem& files, const PlanOptions& options,
                                   const PlanRouting& routing, const PlanSetting& setting,
                                   const std::optional<ReplicaDivision>& division) {
  absl::StatusOr<PlanResult> result = PlanRun(files, options, routing, setting).Run();
  if (!result.ok() || !division) return result;
  ReplicaBudget& budget = *result->report.mutable_replica_budget();
  budget.mutable_replicas()->Add(division->replicas.begin(), division->replicas.end());
  budget.set_gap_percent(100 * (division->cost / division->bound - 1));
  return result;
}

}  // namespace octet
