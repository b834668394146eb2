#include "launch/sweep/sweep_report.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <vector>

#include "launch/console/progress_text.h"
#include "launch/console/shell_text.h"
#include "launch/console/text_table.h"
#include "launch/statistics/statistics.h"

namespace octet {
namespace {

// Returns "130.0 [128.1, 131.2]".
std::string Spread(const std::vector<double>& values) {
  if (values.empty()) return "-";
  const auto [least, most] = std::ranges::minmax(values);
  return absl::StrFormat("%.1f [%.1f, %.1f]", Median(values), least, most);
}

// The runs of a point.
struct PointRates {
  std::vector<double> prefill;  // tokens/s of runs that succeeded
  std::vector<double> decode;
  int failed = 0;
  bool is_void = false;
};

std::vector<PointRates> RatesOfPoints(const SweepPlan& plan, const std::map<int, SweepRun>& runs,
                                      const std::set<int>& void_orders) {
  std::vector<PointRates> points(plan.points.size());
  for (const auto& [order, run] : runs) {
    PointRates& point = points[plan.turns[order].point];
    if (!run.failure().empty()) {
      ++point.failed;
      continue;
    }
    point.prefill.push_back(run.prefill().tokens_per_s());
    point.decode.push_back(run.decode().tokens_per_s());
    if (void_orders.contains(order)) point.is_void = true;
  }
  return points;
}

// Returns the time that runs which are left take if they are like those that have ended.
double SecondsOfRuns(const std::map<int, SweepRun>& runs, int64_t left) {
  double seconds = 0;
  for (const auto& [order, run] : runs) seconds += run.wall_seconds();
  return seconds / static_cast<double>(runs.size()) * static_cast<double>(left);
}

std::string ShownRates(const SweepRun& run) {
  if (!run.failure().empty()) return absl::StrCat("FAILED: ", run.failure());
  return absl::StrFormat("prefill %.1f tokens/s, decode %.1f", run.prefill().tokens_per_s(),
                         run.decode().tokens_per_s());
}

}  // namespace

std::string FormatSweepPlan(const SweepPlan& plan, const std::string& directory) {
  std::string text;
  for (const SweepPoint& point : plan.points) {
    absl::StrAppend(
        &text, "point  ", point.name,
        point.workload.empty() ? "" : absl::StrCat("  (answers of ", point.workload, ")"), "\n");
  }
  for (int order = 0; order < std::ssize(plan.turns); ++order) {
    absl::StrAppend(&text, order, "  ", ShellText(CommandOf(plan, order, directory)), "\n");
  }
  return absl::StrCat(text, Counted(std::ssize(plan.points), "point"), " x ",
                      Counted(plan.sweep.repetitions(), "repetition"), " = ",
                      Counted(std::ssize(plan.turns), "run"), "\n");
}

std::string FormatSweepProgress(const SweepPlan& plan, const std::map<int, SweepRun>& runs,
                                const SweepRun& run, int64_t left) {
  const int64_t all = std::ssize(plan.turns);
  std::string text = absl::StrCat(all - left, "/", all, " ", run.point(), " #", run.repetition(),
                                  ": ", ShownRates(run));
  if (left == 0) return text;
  return absl::StrCat(text, ", about ", FormatDuration(SecondsOfRuns(runs, left)), " left");
}

std::string FormatSweepTable(const SweepPlan& plan, const std::map<int, SweepRun>& runs,
                             const std::set<int>& void_orders) {
  const std::vector<PointRates> rates = RatesOfPoints(plan, runs, void_orders);
  std::vector<std::vector<std::string>> rows = {
      {"point", "runs", "failed", "prefill tokens/s", "decode tokens/s"}};
  for (size_t p = 0; p < rates.size(); ++p) {
    rows.push_back({plan.points[p].name,
                    absl::StrCat(rates[p].prefill.size(), rates[p].is_void ? " VOID" : ""),
                    absl::StrCat(rates[p].failed), Spread(rates[p].prefill),
                    Spread(rates[p].decode)});
  }
  return FormatTable(rows);
}

}  // namespace octet
