#include "launch/sweep/answers_check.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <cstdint>

#include "launch/console/text_table.h"

namespace octet {
namespace {

constexpr size_t kMostNamed = 10;  // runs in a message

using RunsByHash = std::map<uint64_t, std::vector<const SweepRun*>>;

std::string NamesOf(const std::vector<const SweepRun*>& runs) {
  std::vector<std::string> names;
  for (size_t i = 0; i < std::min(runs.size(), kMostNamed); ++i) {
    names.push_back(absl::StrCat(runs[i]->point(), " #", runs[i]->repetition()));
  }
  if (runs.size() > kMostNamed) names.push_back(absl::StrCat(runs.size() - kMostNamed, " more"));
  return absl::StrJoin(names, ", ");
}

std::string DescribeVoid(const std::string& workload, const RunsByHash& by_hash) {
  const auto usual = std::ranges::max_element(
      by_hash, {}, [](const auto& hash_and_runs) { return hash_and_runs.second.size(); });
  std::string text =
      absl::StrCat("void: runs ", workload.empty() ? "" : absl::StrCat("of ", workload, " "),
                   "have different answers: ", Counted(std::ssize(usual->second), "run"),
                   " the hash ", usual->first);
  for (const auto& [hash, runs] : by_hash) {
    if (hash != usual->first) absl::StrAppend(&text, "; ", hash, ": ", NamesOf(runs));
  }
  return text;
}

}  // namespace

AnswersCheck CheckAnswers(const SweepPlan& plan, const std::map<int, SweepRun>& runs) {
  std::map<std::string, RunsByHash> workloads;
  for (const auto& [order, run] : runs) {
    if (!run.failure().empty()) continue;
    const SweepPoint& point = plan.points[plan.turns[order].point];
    workloads[point.workload][run.answers_hash()].push_back(&run);
  }
  AnswersCheck check;
  for (const auto& [workload, by_hash] : workloads) {
    if (by_hash.size() < 2) continue;
    check.messages.push_back(DescribeVoid(workload, by_hash));
    for (const auto& [hash, same] : by_hash) {
      for (const SweepRun* run : same) check.void_orders.insert(run->order());
    }
  }
  return check;
}

}  // namespace octet
