#include "launch/pages/plan_section.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "launch/console/text_table.h"
#include "launch/pages/dot_chart.h"
#include "launch/pages/line_chart.h"
#include "launch/pages/page_numbers.h"
#include "launch/plan/plan_report.h"

namespace octet {
namespace {

std::string MeaningOfFigure(const PlacementPlan& plan) {
  if (plan.objective() == "bytes") return "other ranks that get a token, in a layer";
  if (plan.objective() == "load")
    return "tokens of the busiest rank / mean, all tokens as one step";
  return "tokens of the busiest rank / mean, step by step";
}

// Returns the bound of the objective's figure; 0 if none is known.
double BoundOf(const PlacementPlan& plan, const PlanBounds& bounds) {
  if (plan.objective() == "bytes") return plan.hosts() == 1 ? bounds.copies() : 0;
  return plan.objective() == "load" ? bounds.total() : bounds.steps();
}

std::string FigureText(double value) { return value == 0 ? "-" : NumeralOf(value); }

std::string GapText(const PlacementFigures& figures) {
  return figures.has_gap_percent() ? PercentOf(figures.gap_percent() / 100) : "-";
}

void AddPolicyChart(HtmlPage& page, const PlacementPlan& plan) {
  DotChart chart = {.x_label = MeaningOfFigure(plan), .rows = {}, .series = {}, .references = {}};
  DotSeries in_sample = {
      .name = "in sample: on the routing that it was made for", .filled = false, .dots = {}};
  DotSeries judged = {.name = "judged: on other routing", .dots = {}};
  for (const PolicyFigures& policy : plan.policies()) {
    chart.rows.push_back(policy.policy());
    in_sample.dots.push_back({.value = FigureOf(plan, policy.in_sample())});
    judged.dots.push_back({});
    if (policy.has_judged()) judged.dots.back() = {.value = FigureOf(plan, policy.judged())};
  }
  chart.series.push_back(in_sample);
  if (plan.has_judged()) chart.series.push_back(judged);
  const double bound = BoundOf(plan, plan.bounds_in_sample());
  const double bound_judged = BoundOf(plan, plan.bounds_judged());
  if (bound > 0) chart.references.push_back({"bound in sample", bound});
  if (bound_judged > 0) chart.references.push_back({"bound of the judged", bound_judged});
  page.Figure("Policies in sample beside judged, with the bounds below which no placement is.",
              DrawDotChart(chart));
}

void AddPolicyTable(HtmlPage& page, const PlacementPlan& plan) {
  HtmlTable table = {
      .caption =
          "Figures of policies. Total: busiest rank / mean where all tokens are one step; "
          "step: the same step by step; ranks, hosts: others that get a token, in a layer; "
          "bytes of a token in all layers",
      .head = {"policy", "total in sample", "step in sample", "gap in sample", "total judged",
               "step judged", "p99 judged", "gap judged", "ranks", "hosts", "bytes"},
      .rows = {}};
  for (const PolicyFigures& policy : plan.policies()) {
    const PlacementFigures& a = policy.in_sample();
    const PlacementFigures& b = policy.judged();
    const PlacementFigures& both = JudgedOf(policy);
    table.rows.push_back({policy.policy(), FigureText(a.total()), FigureText(a.steps()), GapText(a),
                          FigureText(b.total()), FigureText(b.steps()),
                          FigureText(b.each_step().p99()), GapText(b), FigureText(both.copies()),
                          FigureText(both.host_copies()), FigureText(both.bytes())});
  }
  const PlanBounds& in_sample = plan.bounds_in_sample();
  const PlanBounds& judged = plan.bounds_judged();
  table.rows.push_back({"bound", FigureText(in_sample.total()), FigureText(in_sample.steps()), "-",
                        FigureText(judged.total()), FigureText(judged.steps()), "-", "-",
                        FigureText(plan.hosts() > 1    ? 0
                                   : plan.has_judged() ? judged.copies()
                                                       : in_sample.copies()),
                        "-", "-"});
  page.Table(table);
}

void AddFrontChart(HtmlPage& page, const PlacementPlan& plan) {
  if (plan.front_size() < 2) return;
  ChartSeries in_sample = {.name = "in sample", .points = {}};
  ChartSeries judged = {.name = "judged", .points = {}};
  HtmlTable table = {.caption = "Placements between time-optimal and copy-optimal",
                     .head = {"weight of copies", "step in sample", "ranks in sample",
                              "step judged", "ranks judged"},
                     .rows = {}};
  for (const FrontPoint& point : plan.front()) {
    const PlacementFigures& a = point.in_sample();
    const PlacementFigures& b = point.judged();
    in_sample.points.push_back({.x = a.copies(), .y = a.steps()});
    if (point.has_judged()) judged.points.push_back({.x = b.copies(), .y = b.steps()});
    table.rows.push_back({NumeralOf(point.weight()), FigureText(a.steps()), FigureText(a.copies()),
                          FigureText(b.steps()), FigureText(b.copies())});
  }
  LineChart chart = {.x_label = "other ranks that get a token, in a layer",
                     .y_label = "busiest rank / mean of a step",
                     .series = {in_sample}};
  if (!judged.points.empty()) chart.series.push_back(judged);
  page.Figure("Load against copies: no placement in sample is better than another in both.",
              DrawLineChart(chart));
  page.Table(table);
}

// Returns the lines of gaps (%) over replicas, of policies that several plans have.
LineChart GapChart(const std::map<int64_t, const PlacementPlan*>& by_replicas, bool judged) {
  std::map<std::string, std::vector<ChartPoint>> lines;
  for (const auto& [replicas, plan] : by_replicas) {
    for (const PolicyFigures& policy : plan->policies()) {
      const PlacementFigures& figures = judged ? policy.judged() : policy.in_sample();
      if (!figures.has_gap_percent()) continue;
      lines[policy.policy()].push_back(
          {.x = static_cast<double>(replicas), .y = figures.gap_percent()});
    }
  }
  LineChart chart = {
      .x_label = "replicas in all layers",
      .y_label = judged ? "above the bound, judged, %" : "above the bound, in sample, %"};
  for (const auto& [policy, points] : lines) {
    if (points.size() > 1) chart.series.push_back({policy, Stroke::kMarkedLine, points});
  }
  return chart;
}

void AddGaps(HtmlPage& page, const std::map<int64_t, const PlacementPlan*>& by_replicas) {
  HtmlTable table = {
      .caption = "Gap to the bound, of the figure that the policy lowers, by replicas",
      .head = {"replicas in all layers", "policy", "in sample", "judged"},
      .rows = {}};
  for (const auto& [replicas, plan] : by_replicas) {
    for (const PolicyFigures& policy : plan->policies()) {
      table.rows.push_back({absl::StrCat(replicas), policy.policy(), GapText(policy.in_sample()),
                            GapText(policy.judged())});
    }
  }
  for (const bool judged : {false, true}) {
    const LineChart chart = GapChart(by_replicas, judged);
    if (chart.series.empty()) continue;
    page.Figure(absl::StrCat("Gap to the bound, of the figure that the policy lowers, against the "
                             "number of replicas, ",
                             judged ? "judged on other routing." : "in sample."),
                DrawLineChart(chart));
  }
  page.Table(table);
}

}  // namespace

int64_t ReplicasOf(const PlacementPlan& plan) {
  return std::accumulate(plan.slots().begin(), plan.slots().end(), int64_t{0}) -
         int64_t{plan.slots_size()} * plan.num_experts();
}

void AddPlanSection(HtmlPage& page, const FromFile<PlacementPlan>& plan) {
  const PlacementPlan& p = plan.message;
  page.Section(absl::StrCat("Plan ", plan.path), plan.path);
  page.Paragraph(p.answer());
  page.Paragraph(absl::StrCat(
      Counted(p.num_layers(), "layer"), " of ", p.num_experts(), " experts on ",
      Counted(p.ranks(), "rank"), " of ", Counted(p.hosts(), "host"), ", with ", ReplicasOf(p),
      " replicas; objective ", p.objective(), ", seed ", p.seed(),
      ". In sample: ", p.in_sample().name(), " (", Counted(p.in_sample().steps(), "step"), "). ",
      p.has_judged() ? absl::StrCat("Judged: ", p.judged().name(), " (",
                                    Counted(p.judged().steps(), "step"), ").")
                     : "Nothing is judged on other routing."));
  AddPolicyChart(page, p);
  AddPolicyTable(page, p);
  AddFrontChart(page, p);
  if (!p.has_replica_budget()) return;
  page.Paragraph(absl::StrCat(
      "The replicas of layers 0, 1, ... are ", absl::StrJoin(p.replica_budget().replicas(), ", "),
      ". In sample their total is ", PercentOf(p.replica_budget().gap_percent() / 100),
      " above the bound of any division."));
}

void AddReplicaSection(HtmlPage& page, const std::vector<FromFile<PlacementPlan>>& plans) {
  std::map<std::string, std::map<int64_t, const PlacementPlan*>> groups;
  for (const FromFile<PlacementPlan>& plan : plans) {
    const PlacementPlan& p = plan.message;
    const std::string alike = absl::StrCat(p.ranks(), " ranks, ", p.num_layers(), " layers of ",
                                           p.num_experts(), " experts, objective ", p.objective());
    groups[alike].emplace(ReplicasOf(p), &p);
  }
  for (const auto& [alike, by_replicas] : groups) {
    if (by_replicas.size() < 2) continue;
    page.Section("Gap against replicas", "");
    page.Paragraph(absl::StrCat("Plans of ", alike, "."));
    AddGaps(page, by_replicas);
  }
}

}  // namespace octet
