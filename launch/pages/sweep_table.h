// The runs of a sweep by points, and which of them count.

#ifndef OCTET_LAUNCH_PAGES_SWEEP_TABLE_H_
#define OCTET_LAUNCH_PAGES_SWEEP_TABLE_H_

#include <map>
#include <string>
#include <vector>

#include "launch/pages/page_inputs.h"
#include "launch/statistics/statistics.h"
#include "proto/sweep.pb.h"

namespace octet {

struct MeasuredPoint {
  std::string name;
  std::vector<std::string> values;      // [axes]; empty texts where it has none
  std::map<int, const SweepRun*> runs;  // with a result, by repetition
  bool is_void = false;                 // one of the runs gave wrong answers
};

struct AxisValues {
  std::string name;
  std::vector<std::string> values;  // as in the sweep's file; else numbers by size, then texts
  bool changes_answers = false;
};

// Runs that must give the same answers.
struct Workload {
  std::string settings;            // of the axes that change answers; empty: none does
  std::map<uint64_t, int> hashes;  // of answers, and how many runs have each
  bool has_right_hash = false;     // false where no hash is more frequent than all others
  uint64_t right_hash = 0;
  std::vector<const SweepRun*> void_runs;  // whose answers are others
};

struct SweepTable {
  std::vector<AxisValues> axes;
  std::vector<MeasuredPoint> points;    // the first value of each axis first
  std::vector<const SweepRun*> failed;  // in the order of the file
  std::vector<Workload> workloads;      // with a run that has a hash
  int runs_without_hash = 0;

  // Returns the points that count: with a run, and not void.
  std::vector<const MeasuredPoint*> Counting() const;
};

// Pointers lead into `files`, which must outlive the result. A run that was repeated counts once,
// with its last result.
SweepTable TabulateSweep(const SweepFiles& files);

// A rate that runs are compared by.
struct SweepRate {
  std::string name;  // with its unit
  double (*of)(const SweepRun& run);
};

double PrefillRate(const SweepRun& run);
double DecodeRate(const SweepRun& run);
double TotalTokens(const SweepRun& run);
double WholeRate(const SweepRun& run);  // all tokens over the time of all steps

inline const SweepRate kPrefillRate = {"prefill tokens/s", PrefillRate};
inline const SweepRate kDecodeRate = {"decode tokens/s", DecodeRate};
inline const SweepRate kWholeRate = {"tokens/s of all steps", WholeRate};

// Returns the positive rates of a point's runs, by repetition.
std::vector<double> RatesOf(const MeasuredPoint& point, const SweepRate& rate);

// Returns what point b is to a, paired by repetition. No pair: `pairs` is 0.
RatioEstimate ComparePoints(const MeasuredPoint& a, const MeasuredPoint& b, const SweepRate& rate);

// Two points that differ in one axis.
struct Comparison {
  const MeasuredPoint* a;
  const MeasuredPoint* b;
  std::string name;  // "placement eplb / contiguous, ranks=4"
  RatioEstimate ratio;
  bool with_first_value = false;  // of the axis
};

// Returns all pairs of values of an axis with a pair of runs.
std::vector<Comparison> CompareValues(const SweepTable& table, size_t axis, const SweepRate& rate);

// Returns the settings of a point without axis `left_out`: "ranks=4 load=1".
std::string SettingsWithout(const SweepTable& table, const MeasuredPoint& point, size_t left_out);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_SWEEP_TABLE_H_
