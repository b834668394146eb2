#include "launch/plan/plan_judge.h"

#include <algorithm>

#include "runtime/trace/over_steps.h"

namespace octet {
namespace {

double MeanOf(const std::vector<LayerFigures>& layers, double LayerFigures::*figure) {
  double sum = 0;
  for (const LayerFigures& layer : layers) sum += layer.*figure;
  return sum / static_cast<double>(layers.size());
}

}  // namespace

PlanJudge::PlanJudge(const RoutingCounts& counts, const PlanSetting& setting)
    : counts_(counts),
      planner_(counts, setting),
      scorer_(counts, setting.ranks, setting.host_weight),
      bounds_(planner_.Bounds()),
      whole_{.total = MeanOf(bounds_, &LayerFigures::total),
             .steps = counts.has_steps() ? MeanOf(bounds_, &LayerFigures::steps) : 0,
             .copies = MeanOf(bounds_, &LayerFigures::copies)} {}

PlanInput PlanJudge::Describe(const std::string& name) const {
  PlanInput input;
  input.set_name(name);
  input.set_steps(counts_.layers[0].num_steps());
  return input;
}

PlanBounds PlanJudge::DescribeBounds() {
  PlanBounds bounds;
  bounds.set_total(whole_.total);
  bounds.set_steps(whole_.steps);
  bounds.set_copies(whole_.copies);
  for (const LayerFigures& layer : bounds_) {
    bounds.add_layer_total(layer.total);
    if (counts_.has_steps()) bounds.add_layer_steps(layer.steps);
  }
  for (const ReachedBounds& layer : planner_.Reached()) {
    bounds.add_layer_total_reached(layer.total);
    if (counts_.has_steps()) bounds.add_layer_steps_reached(layer.steps);
  }
  return bounds;
}

PlacementFigures PlanJudge::Measure(const SlotPlan& plan, double LayerFigures::*figure) {
  const PlacementScore score = scorer_.Score(plan);
  if (!counts_.has_steps() && figure == &LayerFigures::steps) figure = &LayerFigures::total;
  PlacementFigures figures;
  figures.set_total(score.whole.total);
  figures.set_steps(score.whole.steps);
  if (counts_.has_steps()) *figures.mutable_each_step() = Summarize(score.step_ratios);
  figures.set_copies(score.copies.ranks);
  figures.set_host_copies(score.copies.hosts);
  figures.set_bytes(score.bytes);
  for (const LayerFigures& layer : score.layers) {
    figures.add_layer_total(layer.total);
    if (counts_.has_steps()) figures.add_layer_steps(layer.steps);
  }
  const double bound = whole_.*figure;
  if (bound > 0) figures.set_gap_percent(std::max(0.0, 100 * (score.whole.*figure / bound - 1)));
  return figures;
}

PlacementFigures CombineFigures(
    std::span<const PlacementFigures> all,
    const std::function<double(const std::vector<double>& values)>& combine) {
  const auto each = [&](auto number) {
    std::vector<double> values;
    values.reserve(all.size());
    for (const PlacementFigures& figures : all) values.push_back(number(figures));
    return combine(values);
  };
  PlacementFigures combined;
  combined.set_total(each([](const auto& f) { return f.total(); }));
  combined.set_steps(each([](const auto& f) { return f.steps(); }));
  combined.set_copies(each([](const auto& f) { return f.copies(); }));
  combined.set_host_copies(each([](const auto& f) { return f.host_copies(); }));
  combined.set_bytes(each([](const auto& f) { return f.bytes(); }));
  if (all.front().has_gap_percent()) {
    combined.set_gap_percent(each([](const auto& f) { return f.gap_percent(); }));
  }
  if (!all.front().has_each_step()) return combined;
  OverSteps& steps = *combined.mutable_each_step();
  steps.set_mean(each([](const auto& f) { return f.each_step().mean(); }));
  steps.set_p50(each([](const auto& f) { return f.each_step().p50(); }));
  steps.set_p90(each([](const auto& f) { return f.each_step().p90(); }));
  steps.set_p99(each([](const auto& f) { return f.each_step().p99(); }));
  return combined;
}

}  // namespace octet
