#include "launch/sweep/sweep_plan.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "runtime/io/file.h"
#include "runtime/model/random.h"

namespace octet {
namespace {

template <class Range>
void AddWords(const Range& words, std::vector<std::string>& all) {
  all.insert(all.end(), words.begin(), words.end());
}

// Returns `text` and one setting more.
std::string WithSetting(const std::string& text, const SweepSetting& setting) {
  return absl::StrCat(text, text.empty() ? "" : " ", setting.axis(), "=", setting.value());
}

SweepPoint WithValue(SweepPoint point, const SweepAxis& axis, const SweepValue& value) {
  SweepSetting& setting = point.settings.emplace_back();
  setting.set_axis(axis.name());
  setting.set_value(value.name());
  point.name = WithSetting(point.name, setting);
  if (axis.changes_answers()) point.workload = WithSetting(point.workload, setting);
  AddWords(value.launcher(), point.launcher);
  AddWords(value.bench(), point.bench);
  return point;
}

std::vector<SweepPoint> MakePoints(const Sweep& sweep) {
  std::vector<SweepPoint> points(1);
  for (const SweepAxis& axis : sweep.axes()) {
    std::vector<SweepPoint> longer;
    for (const SweepPoint& point : points) {
      for (const SweepValue& value : axis.values()) longer.push_back(WithValue(point, axis, value));
    }
    points = std::move(longer);
  }
  return points;
}

}  // namespace

SweepPlan PlanSweep(Sweep sweep) {
  std::vector<SweepPoint> points = MakePoints(sweep);
  std::vector<SweepTurn> turns =
      OrderTurns(static_cast<int>(points.size()), sweep.repetitions(), sweep.seed());
  return {std::move(sweep), std::move(points), std::move(turns)};
}

// Fisher-Yates; std::shuffle gives another order with another library.
std::vector<SweepTurn> OrderTurns(int num_points, int repetitions, int64_t seed) {
  std::vector<SweepTurn> turns;
  std::vector<int> points(num_points);
  for (int r = 0; r < repetitions; ++r) {
    std::iota(points.begin(), points.end(), 0);
    for (int i = num_points - 1; i > 0; --i) {
      const double u = Uniform({.seed = seed, .line = r, .choice = 0, .position = i});
      std::swap(points[i], points[static_cast<int>(u * (i + 1))]);
    }
    for (const int point : points) turns.push_back({.point = point, .repetition = r});
  }
  return turns;
}

std::string ResultFileOf(int order) { return absl::StrFormat("runs/%05d.json", order); }

std::vector<std::string> CommandOf(const SweepPlan& plan, int order, const std::string& directory) {
  const SweepPoint& point = plan.points[plan.turns[order].point];
  std::vector<std::string> words;
  AddWords(plan.sweep.launcher(), words);
  AddWords(point.launcher, words);
  AddWords(std::vector<std::string>{"bench", "throughput"}, words);
  AddWords(plan.sweep.bench(), words);
  AddWords(point.bench, words);
  AddWords(std::vector<std::string>{"--output-json", JoinPath(directory, ResultFileOf(order))},
           words);
  return words;
}

}  // namespace octet
