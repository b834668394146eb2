#include "launch/plan/plan_report.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <vector>

#include "launch/console/text_table.h"

namespace octet {
namespace {

// Returns a number of at most five letters; "-" for 0, which means that it is not known.
std::string Short(double value) {
  if (value == 0) return "-";
  return value < 10 ? absl::StrFormat("%.3f", value) : absl::StrFormat("%.2f", value);
}

std::string Percent(double value) { return absl::StrFormat("%.1f", value); }

std::string GapOf(const PlacementFigures& figures) {
  return figures.has_gap_percent() ? Percent(figures.gap_percent()) : "-";
}

// Returns what the figure means, for a sentence.
std::string MeaningOf(const PlacementPlan& plan, const PlacementFigures& figures) {
  const std::string number = Short(FigureOf(plan, figures));
  if (plan.objective() == "bytes") {
    return absl::StrCat("a token goes to ", number, " other ranks in a layer");
  }
  const bool in_total = plan.objective() == "load" || figures.steps() == 0;
  return absl::StrCat("the busiest rank has ", number, " x the mean ",
                      in_total ? "of all tokens" : "of a step");
}

// The figures of a row; those that are not known are 0.
struct RowFigures {
  PlacementFigures in_sample;
  PlacementFigures judged;
  PlacementFigures copies;
};

std::string FormatRow(const std::string& policy, const RowFigures& row) {
  const PlacementFigures& a = row.in_sample;
  const PlacementFigures& b = row.judged;
  const double kilobytes = row.copies.bytes() / 1000;
  return absl::StrFormat(
      "%-19s%6s%6s%6s |%6s%6s%6s%6s%6s%6s |%6s%6s%8s\n", policy.substr(0, 18), Short(a.total()),
      Short(a.steps()), GapOf(a), Short(b.total()), Short(b.steps()), Short(b.each_step().p50()),
      Short(b.each_step().p90()), Short(b.each_step().p99()), GapOf(b), Short(row.copies.copies()),
      Short(row.copies.host_copies()), kilobytes > 0 ? absl::StrFormat("%.1f", kilobytes) : "-");
}

// Returns the bounds as figures. With several hosts that of copies is no number of ranks.
PlacementFigures FiguresOf(const PlanBounds& bounds, int num_hosts) {
  PlacementFigures figures;
  figures.set_total(bounds.total());
  figures.set_steps(bounds.steps());
  if (num_hosts == 1) figures.set_copies(bounds.copies());
  return figures;
}

std::string FormatPolicies(const PlacementPlan& plan) {
  std::string text = absl::StrFormat(
      "\n%-19s%18s |%36s |%20s\n%-19s%6s%6s%6s |%6s%6s%6s%6s%6s%6s |%6s%6s%8s\n",
      "busiest rank / mean", "in sample", plan.has_judged() ? "judged" : "not judged",
      plan.has_judged() ? "of a token, judged" : "of a token", "policy", "total", "step", "gap %",
      "total", "step", "p50", "p90", "p99", "gap %", "ranks", "hosts", "kB");
  for (const PolicyFigures& policy : plan.policies()) {
    text += FormatRow(policy.policy(), {policy.in_sample(), policy.judged(), JudgedOf(policy)});
  }
  const PlacementFigures in_sample = FiguresOf(plan.bounds_in_sample(), plan.hosts());
  const PlacementFigures judged = FiguresOf(plan.bounds_judged(), plan.hosts());
  return text + FormatRow("bound", {in_sample, judged, plan.has_judged() ? judged : in_sample});
}

// Returns in how many layers some placement has what the bounds allow.
std::string ReachedText(const PlanBounds& bounds) {
  const auto count = [](const auto& reached) { return std::ranges::count(reached, true); };
  std::string text = absl::StrCat("total ", count(bounds.layer_total_reached()));
  if (bounds.layer_steps_reached_size() > 0) {
    absl::StrAppend(&text, ", step ", count(bounds.layer_steps_reached()));
  }
  return text;
}

// Tells whether the best placement is known, or somewhere above the bound.
std::string FormatReached(const PlacementPlan& plan) {
  std::string text = absl::StrCat("\nThe bound is that of the best placement in so many of ",
                                  Counted(plan.num_layers(), "layer"),
                                  ":\n  in sample: ", ReachedText(plan.bounds_in_sample()));
  if (plan.has_judged()) {
    absl::StrAppend(&text, "; judged: ", ReachedText(plan.bounds_judged()));
  }
  return text + ". Elsewhere the best may be above it.\n";
}

std::string FormatFront(const PlacementPlan& plan) {
  if (plan.front_size() < 2) return "";
  std::string text =
      "\nload against bytes  in sample            | judged\n"
      "weight of copies      step  ranks  hosts |   step  ranks  hosts\n";
  for (const FrontPoint& point : plan.front()) {
    const PlacementFigures& a = point.in_sample();
    const PlacementFigures& b = point.judged();
    absl::StrAppendFormat(&text, "%-19.3f%7s%7s%7s |%7s%7s%7s\n", point.weight(), Short(a.steps()),
                          Short(a.copies()), Short(a.host_copies()), Short(b.steps()),
                          Short(b.copies()), Short(b.host_copies()));
  }
  return text;
}

std::string FormatInput(const PlanInput& input) {
  return input.steps() == 0 ? input.name()
                            : absl::StrCat(input.name(), ", ", Counted(input.steps(), "step"));
}

std::string FormatBudget(const PlacementPlan& plan) {
  if (!plan.has_replica_budget()) return "";
  const ReplicaBudget& budget = plan.replica_budget();
  return absl::StrCat("\nreplicas of layers: ", absl::StrJoin(budget.replicas(), " "),
                      "\n  the mean over layers in total is ", Percent(budget.gap_percent()),
                      " % above the bound of any division\n");
}

}  // namespace

const PlacementFigures& JudgedOf(const PolicyFigures& policy) {
  return policy.has_judged() ? policy.judged() : policy.in_sample();
}

double FigureOf(const PlacementPlan& plan, const PlacementFigures& figures) {
  if (plan.objective() == "bytes") return figures.copies();
  return plan.objective() == "load" || figures.steps() == 0 ? figures.total() : figures.steps();
}

std::string AnswerOf(const PlacementPlan& plan, const std::string& chosen) {
  const auto by_name = [&](const std::string& name) {
    return std::ranges::find_if(
        plan.policies(), [&](const PolicyFigures& p) { return p.policy().starts_with(name); });
  };
  const auto best = by_name(chosen);
  if (best == plan.policies().end()) return "";
  const PlacementFigures& figures = JudgedOf(*best);
  std::string text = absl::StrCat("With ", chosen, " on ", Counted(plan.ranks(), "rank"), " ",
                                  MeaningOf(plan, figures));
  std::vector<std::string> others;
  for (const char* name : {"contiguous", "round-robin", "random, mean", "eplb"}) {
    const auto other = by_name(name);
    if (other == plan.policies().end() || other == best) continue;
    others.push_back(absl::StrCat(name, " ", Short(FigureOf(plan, JudgedOf(*other)))));
  }
  if (!others.empty()) absl::StrAppend(&text, " (", absl::StrJoin(others, ", "), ")");
  if (figures.has_gap_percent()) {
    absl::StrAppend(&text, ", ", GapOf(figures), " % above the bound of any placement");
  }
  absl::StrAppend(&text, ", ",
                  plan.has_judged() ? absl::StrCat("judged on ", plan.judged().name())
                                    : "in sample, as there is no other routing to judge with");
  return text + ".";
}

std::string FormatPlan(const PlacementPlan& plan) {
  const auto [least, most] = std::ranges::minmax_element(plan.slots());
  const std::string slots =
      *least == *most ? absl::StrCat(*least) : absl::StrCat(*least, " to ", *most);
  return absl::StrCat(
      plan.answer(), "\n\n", Counted(plan.num_layers(), "layer"), " of ", plan.num_experts(),
      " experts, ", slots, " slots a layer, ", Counted(plan.hosts(), "host"),
      "\nin sample: ", FormatInput(plan.in_sample()), "\n",
      plan.has_judged() ? absl::StrCat("judged: ", FormatInput(plan.judged()), "\n") : "",
      FormatPolicies(plan), FormatReached(plan), FormatFront(plan), FormatBudget(plan));
}

}  // namespace octet
