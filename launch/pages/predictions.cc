#include "launch/pages/predictions.h"

#include <algorithm>
#include <cmath>

namespace octet {
namespace {

void AddPrediction(const MeasuredPoint& point, const SweepRate& rate, double predicted,
                   std::vector<Prediction>& predictions) {
  const std::vector<double> rates = RatesOf(point, rate);
  if (predicted <= 0 || rates.empty()) return;
  const auto [least, most] = std::ranges::minmax(rates);
  predictions.push_back({&point, &rate, predicted, Median(rates), least, most});
}

}  // namespace

std::vector<Prediction> JoinPredictions(const std::vector<FromFile<Replay>>& replays,
                                        const SweepTable& sweep) {
  std::vector<Prediction> predictions;
  for (const MeasuredPoint* point : sweep.Counting()) {
    for (const FromFile<Replay>& replay : replays) {
      if (replay.message.point() != point->name) continue;
      AddPrediction(*point, kPrefillRate, replay.message.prefill().tokens_per_s(), predictions);
      AddPrediction(*point, kDecodeRate, replay.message.decode().tokens_per_s(), predictions);
    }
  }
  return predictions;
}

OrderCount CountOrder(const std::vector<Prediction>& predictions) {
  OrderCount count;
  for (size_t i = 0; i < predictions.size(); ++i) {
    for (size_t j = i + 1; j < predictions.size(); ++j) {
      const Prediction& a = predictions[i];
      const Prediction& b = predictions[j];
      if (a.rate != b.rate || a.point == b.point) continue;
      const RatioEstimate ratio = ComparePoints(*a.point, *b.point, *a.rate);
      if (!ratio.Separates()) continue;
      ++count.pairs;
      const bool is_right = ratio.ratio > 1 ? b.predicted > a.predicted : b.predicted < a.predicted;
      if (is_right) ++count.right;
    }
  }
  return count;
}

std::vector<double> ErrorsOf(const std::vector<Prediction>& predictions) {
  std::vector<double> errors;
  errors.reserve(predictions.size());
  for (const Prediction& p : predictions) errors.push_back(std::abs(p.error()));
  return errors;
}

}  // namespace octet
