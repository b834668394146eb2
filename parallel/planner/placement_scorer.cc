#include "parallel/planner/placement_scorer.h"

#include <numeric>

namespace octet {
namespace {

double Sum(std::span<const double> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

PlacementScorer::PlacementScorer(const RoutingCounts& counts, const RankTraits& ranks,
                                 double host_weight)
    : counts_(counts),
      host_weight_(host_weight),
      speed_(Sum(ranks.speeds)),
      busiest_(ranks.speeds),
      copies_(ranks.hosts) {
  for (const LayerCounts& layer : counts.layers) {
    totals_.push_back(StepMatrix::OfTotal(layer));
    if (!counts.has_steps()) continue;
    const StepMatrix& steps = steps_.emplace_back(StepMatrix::OfSteps(layer));
    std::vector<double>& mean = mean_.emplace_back(steps.num_steps());
    for (int e = 0; e < steps.num_experts(); ++e) {
      for (int64_t s = 0; s < steps.num_steps(); ++s) mean[s] += steps.expert(e)[s] / speed_;
    }
  }
}

void PlacementScorer::AddLayer(size_t layer, const LayerRanks& ranks, PlacementScore& score) {
  LayerFigures& figures = score.layers.emplace_back();
  const double mean_of_total = totals_[layer].sum() / speed_;
  figures.total = mean_of_total > 0 ? busiest_.Mean(ranks, totals_[layer]) / mean_of_total : 1;
  if (counts_.has_steps()) {
    const std::vector<double>& mean = mean_[layer];
    times_.resize(mean.size());
    busiest_.Compute(ranks, steps_[layer], times_);
    for (size_t s = 0; s < mean.size(); ++s) {
      if (mean[s] > 0) score.step_ratios.push_back(static_cast<float>(times_[s] / mean[s]));
    }
    const double sum = Sum(mean);
    figures.steps = sum > 0 ? Sum(times_) / sum : 1;
  }
  if (!counts_.has_sets()) return;
  const TokenCopies copies = copies_.Count(ranks, counts_.layers[layer].sets);
  figures.copies = copies.ranks + host_weight_ * copies.hosts;
  score.copies.ranks += copies.ranks;
  score.copies.hosts += copies.hosts;
  score.copies.returns += copies.returns;
}

PlacementScore PlacementScorer::Score(const SlotPlan& plan) {
  PlacementScore score;
  for (size_t l = 0; l < plan.layers.size(); ++l) {
    AddLayer(l, RanksOf(plan.layers[l], plan.shape.num_experts), score);
  }
  score.bytes = score.copies.ranks * static_cast<double>(counts_.row_bytes) +
                score.copies.returns * static_cast<double>(counts_.return_bytes);
  const auto num_layers = static_cast<double>(plan.layers.size());
  for (const LayerFigures& figures : score.layers) {
    score.whole.total += figures.total / num_layers;
    score.whole.steps += figures.steps / num_layers;
    score.whole.copies += figures.copies / num_layers;
  }
  for (double* sum : {&score.copies.ranks, &score.copies.hosts, &score.copies.returns}) {
    *sum /= num_layers;
  }
  return score;
}

}  // namespace octet
