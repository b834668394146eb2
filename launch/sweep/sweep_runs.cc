#include "launch/sweep/sweep_runs.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <absl/time/clock.h>
#include <absl/time/time.h>

#include <algorithm>

#include "launch/console/one_line.h"
#include "launch/console/shell_text.h"
#include "launch/sweep/bench_result.h"
#include "launch/sweep/sweep_report.h"

namespace octet {
namespace {

std::string LogFileOf(int order) { return absl::StrFormat("logs/%05d.txt", order); }

// Returns the last line of a log that says something.
std::string LastWords(FileSystem& files, const std::string& path) {
  constexpr uint64_t kMostBytesRead = 4096;
  const auto log = files.Open(path);
  if (!log.ok()) return "";
  const uint64_t bytes = std::min((*log)->size(), kMostBytesRead);
  std::string text(bytes, '\0');
  if (!(*log)->Read((*log)->size() - bytes, std::as_writable_bytes(std::span(text))).ok()) {
    return "";
  }
  text.erase(text.find_last_not_of(" \n") + 1);
  return OneLine(text.substr(text.rfind('\n') + 1));
}

// Returns why a run has no result, or nothing, after setting its measures.
std::string FailureOf(const SweepWork& work, FileSystem& files, const ChildEnd& end,
                      SweepRun& run) {
  const std::string words = LastWords(files, JoinPath(work.directory, run.log()));
  if (end.timed_out) {
    return absl::StrCat("took longer than ", work.plan.sweep.timeout(), " s, and was ended");
  }
  if (end.exit_code != 0) {
    return absl::StrCat("exit code ", end.exit_code, words.empty() ? "" : ": ", words);
  }
  const absl::Status status = ReadBenchResult(files, JoinPath(work.directory, run.file()), run);
  return OneLine(std::string(status.message()));
}

SweepRun MakeRun(const SweepPlan& plan, const std::string& directory, int order) {
  const SweepTurn& turn = plan.turns[order];
  const SweepPoint& point = plan.points[turn.point];
  SweepRun run;
  run.set_point(point.name);
  run.mutable_settings()->Add(point.settings.begin(), point.settings.end());
  run.set_repetition(turn.repetition);
  run.set_order(order);
  run.set_command(ShellText(CommandOf(plan, order, directory)));
  run.set_file(ResultFileOf(order));
  run.set_log(LogFileOf(order));
  run.set_started(absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone()));
  return run;
}

// Runs one turn. kCancelled: it was stopped.
absl::StatusOr<SweepRun> RunTurn(const SweepWork& work, FileSystem& files, int order) {
  SweepRun run = MakeRun(work.plan, work.directory, order);
  const std::string result = JoinPath(work.directory, run.file());
  if (files.Exists(result)) {  // of an earlier try
    absl::Status status = files.Remove(result);
    if (!status.ok()) return status;
  }
  const absl::StatusOr<ChildEnd> end =
      work.run({.words = CommandOf(work.plan, order, work.directory),
                .environment = work.environment,
                .log = JoinPath(work.directory, run.log()),
                .timeout = work.plan.sweep.timeout()});
  if (!end.ok()) return end.status();
  if (end->stopped) return absl::CancelledError("stopped");
  run.set_wall_seconds(end->seconds);
  run.set_exit_code(end->exit_code);
  run.set_failure(FailureOf(work, files, *end, run));
  return run;
}

// Returns the orders of the turns that have no result, sorted.
std::vector<int> TurnsLeft(const SweepPlan& plan, const SweepJournal& journal) {
  std::vector<int> left;
  for (int order = 0; order < std::ssize(plan.turns); ++order) {
    const auto run = journal.runs().find(order);
    if (run == journal.runs().end() || !run->second.failure().empty()) left.push_back(order);
  }
  return left;
}

}  // namespace

absl::Status RunTurns(const SweepWork& work, FileSystem& files, const StopFlag& stop,
                      SweepJournal& journal) {
  for (const std::string& file : {ResultFileOf(0), LogFileOf(0)}) {
    absl::Status status = files.MakeDirectories(DirectoryOf(JoinPath(work.directory, file)));
    if (!status.ok()) return status;
  }
  const std::vector<int> turns = TurnsLeft(work.plan, journal);
  int64_t left = std::ssize(turns);
  for (const int order : turns) {
    if (stop.is_set()) return absl::CancelledError("stopped");
    const absl::StatusOr<SweepRun> run = RunTurn(work, files, order);
    if (!run.ok()) return run.status();
    absl::Status status = journal.Add(*run);
    if (!status.ok()) return status;
    work.tell(FormatSweepProgress(work.plan, journal.runs(), *run, --left));
  }
  return absl::OkStatus();
}

}  // namespace octet
