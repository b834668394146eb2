#include "launch/pages/predictions.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "launch/statistics/rank_correlation.h"

namespace octet {
namespace {

void AddPrediction(const MeasuredPoint& point, const SweepRate& rate, const ReplayPhase& phase,
                   std::vector<Prediction>& predictions) {
  const std::vector<double> rates = RatesOf(point, rate);
  const double predicted = phase.tokens_per_s();
  if (predicted <= 0 || rates.empty()) return;
  const auto [least, most] = std::ranges::minmax(rates);
  const double alone = phase.exchange_seconds() > 0
                           ? predicted * phase.seconds() / phase.exchange_seconds()
                           : std::numeric_limits<double>::infinity();
  predictions.push_back({.point = &point,
                         .rate = &rate,
                         .predicted = predicted,
                         .measured = Median(rates),
                         .least = least,
                         .most = most,
                         .exchange_alone = alone});
}

std::string CorrelationOf(const std::vector<Prediction>& predictions, const SweepRate& rate,
                          double Prediction::*value) {
  std::vector<double> values, measured;
  for (const Prediction& p : predictions) {
    if (p.rate != &rate) continue;
    values.push_back(p.*value);
    measured.push_back(p.measured);
  }
  const std::optional<double> correlation = RankCorrelation(values, measured);
  return correlation ? absl::StrFormat("%.2f", *correlation) : "none";
}

}  // namespace

std::vector<Prediction> JoinPredictions(const std::vector<FromFile<Replay>>& replays,
                                        const SweepTable& sweep) {
  std::vector<Prediction> predictions;
  for (const MeasuredPoint* point : sweep.Counting()) {
    for (const FromFile<Replay>& replay : replays) {
      if (replay.message.point() != point->name) continue;
      AddPrediction(*point, kPrefillRate, replay.message.prefill(), predictions);
      AddPrediction(*point, kDecodeRate, replay.message.decode(), predictions);
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

std::string AnswerOfExchange(const std::vector<Prediction>& predictions) {
  std::string text =
      "Does the exchange benchmark alone predict speed? Rank correlation with the measured rates:";
  for (const SweepRate* rate : {&kPrefillRate, &kDecodeRate}) {
    absl::StrAppend(
        &text, rate == &kPrefillRate ? " " : "; ", rate->name, " ",
        CorrelationOf(predictions, *rate, &Prediction::exchange_alone),
        " (the whole model: ", CorrelationOf(predictions, *rate, &Prediction::predicted), ")");
  }
  std::vector<double> allowed;
  for (const Prediction& p : predictions) {
    if (std::isfinite(p.exchange_alone)) allowed.push_back(p.exchange_alone / p.measured);
  }
  if (allowed.empty()) return absl::StrCat(text, ". No point exchanges anything.");
  return absl::StrCat(text,
                      absl::StrFormat(". Where rows are exchanged, it alone allows %.3g times "
                                      "the measured rate in the median.",
                                      Median(allowed)));
}

std::vector<double> ErrorsOf(const std::vector<Prediction>& predictions) {
  std::vector<double> errors;
  errors.reserve(predictions.size());
  for (const Prediction& p : predictions) errors.push_back(std::abs(p.error()));
  return errors;
}

}  // namespace octet
