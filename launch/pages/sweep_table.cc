#include "launch/pages/sweep_table.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <set>

namespace octet {
namespace {

std::string ValueOf(const SweepRun& run, const std::string& axis) {
  for (const SweepSetting& setting : run.settings()) {
    if (setting.axis() == axis) return setting.value();
  }
  return "";
}

bool ComesBefore(const std::string& a, const std::string& b) {
  double x = 0, y = 0;
  const bool a_is_number = absl::SimpleAtod(a, &x);
  const bool b_is_number = absl::SimpleAtod(b, &y);
  if (a_is_number && b_is_number && x != y) return x < y;
  return a_is_number != b_is_number ? a_is_number : a < b;
}

size_t PlaceOf(const std::vector<std::string>& values, const std::string& value) {
  return static_cast<size_t>(std::ranges::find(values, value) - values.begin());
}

// Returns the axes of the runs. Runs are in random order, so only the sweep's file has the order of
// values.
std::vector<AxisValues> FindAxes(const SweepFiles& files) {
  std::vector<AxisValues> axes;
  for (const SweepRun& run : files.runs) {
    for (const SweepSetting& setting : run.settings()) {
      auto axis = std::ranges::find(axes, setting.axis(), &AxisValues::name);
      if (axis == axes.end()) axis = axes.insert(axes.end(), {setting.axis(), {}});
      if (PlaceOf(axis->values, setting.value()) == axis->values.size()) {
        axis->values.push_back(setting.value());
      }
    }
  }
  for (AxisValues& axis : axes) {
    std::vector<std::string> listed;
    if (files.sweep) {
      for (const SweepAxis& described : files.sweep->axes()) {
        if (described.name() != axis.name) continue;
        axis.changes_answers = described.changes_answers();
        for (const SweepValue& value : described.values()) listed.push_back(value.name());
      }
    }
    std::ranges::stable_sort(axis.values, [&](const std::string& a, const std::string& b) {
      const size_t place_a = PlaceOf(listed, a), place_b = PlaceOf(listed, b);
      return place_a != place_b ? place_a < place_b : ComesBefore(a, b);
    });
  }
  return axes;
}

// Returns the settings of a point that change answers.
std::string WorkloadOf(const SweepTable& table, const MeasuredPoint& point) {
  std::vector<std::string> settings;
  for (size_t x = 0; x < table.axes.size(); ++x) {
    if (!table.axes[x].changes_answers) continue;
    settings.push_back(absl::StrCat(table.axes[x].name, "=", point.values[x]));
  }
  return absl::StrJoin(settings, " ");
}

void ChooseRightHash(Workload& workload) {
  int most = 0;
  for (const auto& [hash, runs] : workload.hashes) {
    if (runs < most) continue;
    workload.has_right_hash = runs > most;
    workload.right_hash = hash;
    most = runs;
  }
}

void FindVoidRuns(SweepTable& table) {
  std::map<std::string, Workload> workloads;
  for (const MeasuredPoint& point : table.points) {
    for (const auto& [repetition, run] : point.runs) {
      if (run->answers_hash() == 0) {
        ++table.runs_without_hash;
      } else {
        ++workloads[WorkloadOf(table, point)].hashes[run->answers_hash()];
      }
    }
  }
  for (auto& [settings, workload] : workloads) {
    workload.settings = settings;
    ChooseRightHash(workload);
  }
  for (MeasuredPoint& point : table.points) {
    for (const auto& [repetition, run] : point.runs) {
      if (run->answers_hash() == 0) continue;
      Workload& workload = workloads[WorkloadOf(table, point)];
      if (workload.has_right_hash && run->answers_hash() == workload.right_hash) continue;
      workload.void_runs.push_back(run);
      point.is_void = true;
    }
  }
  for (auto& [settings, workload] : workloads) table.workloads.push_back(std::move(workload));
}

}  // namespace

std::vector<const MeasuredPoint*> SweepTable::Counting() const {
  std::vector<const MeasuredPoint*> counting;
  for (const MeasuredPoint& point : points) {
    if (!point.runs.empty() && !point.is_void) counting.push_back(&point);
  }
  return counting;
}

SweepTable TabulateSweep(const SweepFiles& files) {
  SweepTable table = {.axes = FindAxes(files), .points = {}, .failed = {}, .workloads = {}};
  std::map<std::string, MeasuredPoint> points;
  for (const SweepRun& run : files.runs) {
    MeasuredPoint& point = points[run.point()];
    point.name = run.point();
    point.values.clear();
    for (const AxisValues& axis : table.axes) point.values.push_back(ValueOf(run, axis.name));
    if (run.failure().empty() && run.exit_code() == 0) {
      point.runs[run.repetition()] = &run;
    } else {
      table.failed.push_back(&run);
    }
  }
  for (auto& [name, point] : points) table.points.push_back(std::move(point));
  std::ranges::stable_sort(table.points, [&](const MeasuredPoint& a, const MeasuredPoint& b) {
    for (size_t x = 0; x < table.axes.size(); ++x) {
      const size_t place_a = PlaceOf(table.axes[x].values, a.values[x]);
      const size_t place_b = PlaceOf(table.axes[x].values, b.values[x]);
      if (place_a != place_b) return place_a < place_b;
    }
    return false;
  });
  FindVoidRuns(table);
  return table;
}

double PrefillRate(const SweepRun& run) { return run.prefill().tokens_per_s(); }

double DecodeRate(const SweepRun& run) { return run.decode().tokens_per_s(); }

double TotalTokens(const SweepRun& run) {
  return run.prefill().tokens_per_s() * run.prefill().seconds() +
         run.decode().tokens_per_s() * run.decode().seconds();
}

double WholeRate(const SweepRun& run) {
  const double seconds = run.prefill().seconds() + run.decode().seconds();
  return seconds > 0 ? TotalTokens(run) / seconds : 0;
}

std::vector<double> RatesOf(const MeasuredPoint& point, const SweepRate& rate) {
  std::vector<double> rates;
  for (const auto& [repetition, run] : point.runs) {
    if (rate.of(*run) > 0) rates.push_back(rate.of(*run));
  }
  return rates;
}

RatioEstimate ComparePoints(const MeasuredPoint& a, const MeasuredPoint& b, const SweepRate& rate) {
  std::vector<double> of_a, of_b;
  for (const auto& [repetition, run] : a.runs) {
    const auto other = b.runs.find(repetition);
    if (other == b.runs.end() || rate.of(*run) <= 0 || rate.of(*other->second) <= 0) continue;
    of_a.push_back(rate.of(*run));
    of_b.push_back(rate.of(*other->second));
  }
  return of_a.empty() ? RatioEstimate() : RatioOfPairs(of_a, of_b);
}

std::string SettingsWithout(const SweepTable& table, const MeasuredPoint& point, size_t left_out) {
  std::vector<std::string> settings;
  for (size_t x = 0; x < table.axes.size(); ++x) {
    if (x != left_out) settings.push_back(absl::StrCat(table.axes[x].name, "=", point.values[x]));
  }
  return absl::StrJoin(settings, " ");
}

std::vector<Comparison> CompareValues(const SweepTable& table, size_t axis, const SweepRate& rate) {
  std::map<std::string, std::vector<const MeasuredPoint*>> alike;  // by their other settings
  const std::vector<const MeasuredPoint*> points = table.Counting();
  for (const MeasuredPoint* point : points) {
    alike[SettingsWithout(table, *point, axis)].push_back(point);
  }
  std::vector<Comparison> comparisons;
  for (const MeasuredPoint* a : points) {
    const std::string others = SettingsWithout(table, *a, axis);
    const std::vector<const MeasuredPoint*>& candidates = alike[others];
    for (auto b = std::ranges::find(candidates, a) + 1; b != candidates.end(); ++b) {
      const RatioEstimate ratio = ComparePoints(*a, **b, rate);
      if (ratio.pairs == 0) continue;
      comparisons.push_back(
          {.a = a,
           .b = *b,
           .name = absl::StrCat(table.axes[axis].name, " ", (*b)->values[axis], " / ",
                                a->values[axis], others.empty() ? "" : ", ", others),
           .ratio = ratio,
           .with_first_value = a->values[axis] == table.axes[axis].values.front()});
    }
  }
  return comparisons;
}

}  // namespace octet
