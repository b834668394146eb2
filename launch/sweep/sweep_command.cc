#include "launch/sweep/sweep_command.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>

#include <cstdlib>
#include <future>
#include <iostream>
#include <utility>

#include "launch/console/console.h"
#include "launch/console/text_table.h"
#include "launch/files/result_file.h"
#include "launch/sweep/answers_check.h"
#include "launch/sweep/sweep_csv.h"
#include "launch/sweep/sweep_file.h"
#include "launch/sweep/sweep_journal.h"
#include "launch/sweep/sweep_report.h"
#include "launch/sweep/sweep_runs.h"
#include "parallel/transport/world.h"

namespace octet {
namespace {

constexpr char kProgramVariable[] = "OCTET_BIN";  // of run.sh

absl::StatusOr<std::string> ThisProgram(FileSystem& files) {
  return files.Resolve("/proc/self/exe");
}

// Returns launch/run.sh of the checkout in which this program was built.
absl::StatusOr<std::string> FindRunScript(FileSystem& files) {
  const absl::StatusOr<std::string> program = ThisProgram(files);
  if (!program.ok()) return program.status();
  for (std::string at = *program; at != DirectoryOf(at);) {
    at = DirectoryOf(at);
    const std::string script = JoinPath(at, "launch/run.sh");
    if (files.IsFile(script)) return script;
  }
  return absl::NotFoundError(
      absl::StrCat("no directory above ", *program, " has launch/run.sh; give --launcher"));
}

// Lets a stop signal stop the sweep, and the process end only after that.
class StopBySignal {
 public:
  explicit StopBySignal(StopSignals& signals) : signals_(signals) {
    signals_.SetOnStop([this](const char*) {
      flag_.Set();
      return ended_.get_future().get();
    });
  }
  StopBySignal(const StopBySignal&) = delete;
  StopBySignal& operator=(const StopBySignal&) = delete;
  ~StopBySignal() { signals_.SetOnStop(nullptr); }

  StopFlag& flag() { return flag_; }

  // Says with which code the process ends, also if a signal comes from now on.
  ExitCode End(ExitCode code) {
    ended_.set_value(code);
    return code;
  }

 private:
  StopSignals& signals_;
  StopFlag flag_;
  std::promise<ExitCode> ended_;
};

class SweepCommand : public Subcommand {
 public:
  SweepCommand(CommandLine& program, StopSignals& signals)
      : Subcommand(program, "sweep", "octet bench throughput over settings, in random order"),
        signals_(signals) {
    line().AddRequiredText("file", file_, "what to run, as text proto (proto/sweep.proto)");
    line().AddRequiredText("-o,--output", directory_, "directory for results");
    line().OnSwitch(
        "--resume", [this] { resume_ = true; },
        "go on with the runs that the directory lacks, or that failed");
    line().OnSwitch(
        "--dry-run", [this] { dry_run_ = true; }, "print points and commands, and run nothing");
    line().AddText("--launcher", launcher_,
                   "command that starts ranks, words with blanks between; default that of the "
                   "file, or launch/run.sh");
  }

  ExitCode Run(Communicator& world) override {
    if (StartedByLauncher()) {
      return ExitWith(world,
                      absl::FailedPreconditionError("octet sweep starts the ranks of each run "
                                                    "itself; call it without mpirun or srun"),
                      ExitCode::kCannotServe);
    }
    PosixFileSystem files;
    absl::StatusOr<Sweep> sweep = ReadSweep(files, file_);
    absl::Status status = sweep.status();
    if (status.ok()) status = ChooseLauncher(files, *sweep);
    if (!status.ok()) return ExitWith(world, status, ExitCode::kCannotServe);
    const SweepPlan plan = PlanSweep(*std::move(sweep));
    if (dry_run_) {
      std::cout << FormatSweepPlan(plan, directory_) << std::flush;
      return ExitCode::kDone;
    }
    StopBySignal stop(signals_);
    return stop.End(RunPlan(world, files, plan, stop.flag()));
  }

 private:
  absl::Status ChooseLauncher(FileSystem& files, Sweep& sweep) const {
    if (!launcher_.empty()) {
      sweep.clear_launcher();
      for (const auto& word : absl::StrSplit(launcher_, ' ', absl::SkipEmpty())) {
        sweep.add_launcher(std::string(word));
      }
    }
    if (!sweep.launcher().empty()) return absl::OkStatus();
    const absl::StatusOr<std::string> script = FindRunScript(files);
    if (script.ok()) sweep.add_launcher(*script);
    return script.status();
  }

  // run.sh shall run this program, not that of the release build.
  static std::vector<std::string> VariablesOf(FileSystem& files) {
    const absl::StatusOr<std::string> program = ThisProgram(files);
    if (!program.ok() || std::getenv(kProgramVariable) != nullptr) return {};
    return {absl::StrCat(kProgramVariable, "=", *program)};
  }

  ExitCode RunPlan(Communicator& world, FileSystem& files, const SweepPlan& plan,
                   StopFlag& stop) const {
    const absl::StatusOr<std::unique_ptr<SweepJournal>> journal =
        SweepJournal::Open(files, directory_, plan, resume_);
    if (!journal.ok()) return ExitWith(world, journal.status(), ExitCode::kCannotServe);
    if (const auto& runs = (*journal)->runs(); !runs.empty()) {
      Say(world, absl::StrCat("goes on after ", Counted(std::ssize(runs), "run")));
    }
    const SweepWork work = {
        .plan = plan,
        .directory = directory_,
        .environment = VariablesOf(files),
        .run = [&](const ChildCommand& command) { return RunChild(command, stop); },
        .tell = [&](const std::string& text) { Say(world, text); }};
    const absl::Status status = RunTurns(work, files, stop, **journal);
    if (!status.ok() && !absl::IsCancelled(status)) {
      return ExitWith(world, status, ExitCode::kFailed);
    }
    const ExitCode code = Conclude(world, files, plan, (*journal)->runs());
    if (status.ok()) return code;
    Say(world, "stopped; what is done is kept, --resume goes on");
    return ExitCode::kStopped;
  }

  // Writes and prints what the runs show.
  ExitCode Conclude(Communicator& world, FileSystem& files, const SweepPlan& plan,
                    const std::map<int, SweepRun>& runs) const {
    const AnswersCheck check = CheckAnswers(plan, runs);
    const std::string csv = JoinPath(directory_, kSweepTable);
    const absl::Status status =
        WriteResultFile(files, csv, FormatSweepCsv(plan, runs, check.void_orders));
    std::cout << FormatSweepTable(plan, runs, check.void_orders)
              << "runs: " << JoinPath(directory_, kSweepRuns) << ", table: " << csv << "\n"
              << std::flush;
    for (const std::string& message : check.messages) Say(world, message);
    if (!status.ok()) return ExitWith(world, status, ExitCode::kFailed);
    const int64_t failed =
        std::ranges::count_if(runs, [](const auto& run) { return !run.second.failure().empty(); });
    if (failed > 0) Say(world, Counted(failed, "run") + " failed; --resume tries again");
    return failed > 0 || !check.messages.empty() ? ExitCode::kFailed : ExitCode::kDone;
  }

  StopSignals& signals_;
  std::string file_;
  std::string directory_;
  std::string launcher_;
  bool resume_ = false;
  bool dry_run_ = false;
};

}  // namespace

std::unique_ptr<Subcommand> AddSweep(CommandLine& program, StopSignals& signals) {
  return std::make_unique<SweepCommand>(program, signals);
}

}  // namespace octet
