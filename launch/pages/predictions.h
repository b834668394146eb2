// What octet replay predicted, beside what a sweep measured.

#ifndef OCTET_LAUNCH_PAGES_PREDICTIONS_H_
#define OCTET_LAUNCH_PAGES_PREDICTIONS_H_

#include <string>
#include <vector>

#include "launch/pages/page_inputs.h"
#include "launch/pages/sweep_table.h"

namespace octet {

// A rate of a point, in tokens/s.
struct Prediction {
  const MeasuredPoint* point = nullptr;
  const SweepRate* rate = nullptr;  // kPrefillRate or kDecodeRate
  double predicted = 0;
  double measured = 0;  // median of the runs
  double least = 0, most = 0;
  double exchange_alone = 0;  // if nothing else took time; infinite where nothing is exchanged

  double error() const { return predicted / measured - 1; }
};

// Returns the predictions of points that count, by the names of points. Rates of 0 are left out.
// The result points into `sweep`.
std::vector<Prediction> JoinPredictions(const std::vector<FromFile<Replay>>& replays,
                                        const SweepTable& sweep);

// Pairs of points whose measured rates differ by their 95 % interval, and how many of them the
// predictions put in the right order.
struct OrderCount {
  int pairs = 0;
  int right = 0;
};
OrderCount CountOrder(const std::vector<Prediction>& predictions);

// Returns whether the exchange benchmark alone would have predicted the rates: the rank correlation
// of what it allows with what was measured, beside that of the predictions.
std::string AnswerOfExchange(const std::vector<Prediction>& predictions);

// Returns the absolute errors.
std::vector<double> ErrorsOf(const std::vector<Prediction>& predictions);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_PREDICTIONS_H_
