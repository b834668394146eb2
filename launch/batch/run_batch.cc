#include "launch/batch/run_batch.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/strings/str_cat.h>

#include <chrono>
#include <iostream>
#include <optional>

#include "kernels/base/activity.h"
#include "launch/batch/batch_files.h"
#include "launch/batch/dry_run.h"
#include "launch/batch/refused_lines.h"
#include "launch/batch/serve_batch.h"
#include "launch/console/console.h"
#include "launch/console/one_line.h"
#include "launch/console/progress.h"
#include "launch/console/rank_progress.h"
#include "launch/observe/metrics_file.h"
#include "launch/observe/timeline.h"
#include "launch/pages/report_page.h"
#include "launch/process/crash_note.h"
#include "launch/report.h"
#include "launch/settings/run_config.h"
#include "launch/setup/job_setup.h"
#include "launch/setup/job_start.h"
#include "launch/setup/live_moves.h"
#include "launch/setup/load_session.h"
#include "launch/setup/session.h"
#include "launch/statistics/seconds_since.h"
#include "parallel/transport/agreement.h"
#include "parallel/transport/collectives.h"
#include "runtime/batch/batch_job.h"
#include "runtime/batch/error_lines.h"

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;

void SayAll(Communicator& world, const std::vector<std::string>& notes) {
  for (const std::string& note : notes) Say(world, "note: " + note);
}

// A batch job after its setup.
class BatchRun {
 public:
  BatchRun(Communicator& world, const RunConfig& config, const JobSetup& setup, FileSystem& files,
           StopSignals& signals)
      : world_(world),
        process_(world.watchdog().process_watch()),
        config_(config),
        setup_(setup),
        files_(files),
        signals_(signals) {}
  BatchRun(const BatchRun&) = delete;
  BatchRun& operator=(const BatchRun&) = delete;
  ~BatchRun() {
    signals_.SetOnStop(nullptr);
    if (process_ != nullptr) process_->SetOnStandstill([] {});
  }

  // Collective. Returns false if the output is complete and nothing is left to do.
  absl::StatusOr<bool> Open();

  // Collective. Loads the model, answers, completes the output. Returns kCancelled if it was
  // stopped before, and can be resumed.
  absl::Status LoadAndServe(Progress& progress);

  // Collective. Returns the exit code of a job whose output is complete.
  ExitCode End();

 private:
  absl::Status OpenOnRoot();
  void LeaveNotes(const std::string& path);
  absl::Status LookForErrorLines();
  ExitCode OnStop(const char* signal);
  void KeepTimeline(TimelineRecorder& timeline);
  absl::Status Report(Session& session, double run_seconds);
  absl::Status WriteReports(const RunReport& report);

  Communicator& world_;
  ProcessWatch* const process_;  // null if no process watches this rank
  const RunConfig& config_;
  const JobSetup& setup_;
  FileSystem& files_;
  StopSignals& signals_;
  std::optional<BatchFiles> batch_;  // on rank 0
  std::optional<BatchJob> job_;      // on rank 0, unless the output is complete
  bool is_complete_ = false;         // known to rank 0
  std::string why_fails_;            // known to rank 0: the reason of --fail-on-refused
};

absl::Status BatchRun::OpenOnRoot() {
  const Activity::Scope activity({"journal"});
  absl::StatusOr<BatchFiles> checked = CheckBatchFiles(
      config_, setup_, files_, [this](const std::string& text) { Say(world_, "note: " + text); });
  if (!checked.ok()) return checked.status();
  absl::Status begun = BeginBatchFiles(config_, files_, *checked);
  if (!begun.ok()) return begun;
  batch_ = *std::move(checked);
  for (const std::string& note : batch_->notes) Say(world_, "note: " + note);
  const Journal* journal = batch_->journal;
  if (journal != nullptr && journal->finished() != nullptr) {
    is_complete_ = true;
    Say(world_, absl::StrCat(config_.output(), " is complete since ",
                             journal->finished()->finished(), ": ", journal->finished()->results(),
                             config_.retry_failed() ? " results, none of which failed"
                                                    : " results; --overwrite computes them again"));
    return config_.fail_on_refused() > 0 ? LookForErrorLines() : absl::OkStatus();
  }
  if (journal != nullptr) Say(world_, absl::StrCat("keeps a journal in ", journal->directory()));
  if (journal != nullptr && journal->num_earlier() > 0) {
    Say(world_, absl::StrCat("goes on after ", journal->num_earlier(), " results"));
  }
  if (config_.retry_failed()) {
    Say(world_, absl::StrCat("computes ", journal->num_retried(),
                             " lines again that were refused or crashed"));
  }
  const ResultFormat format = {.tokenizer = setup_.model.tokenizer.get(),
                               .model = ModelName(config_),
                               .created = config_.created(),
                               .num_layers = setup_.model.config.num_layers,
                               .topk = setup_.model.config.experts_per_token,
                               .expert_bytes = ExpertBytes(setup_.model.config.num_experts)};
  job_.emplace(std::move(batch_->reader), *batch_->output, LimitsOfRequests(config_, setup_),
               format, setup_.engine.limits.NumSlots());
  return absl::OkStatus();
}

// Reads the error lines of a complete output.
absl::Status BatchRun::LookForErrorLines() {
  const absl::StatusOr<RefusalSummary> refusals =
      ReadErrorLines(files_, config_.output(), [] { Activity::OfThisThread().Tick(); });
  if (!refusals.ok()) return refusals.status();
  if (refusals->lines() > 0) SayLines(world_, refusals->Describe());
  why_fails_ = WhyFailsOnRefused(config_, refusals->lines());
  return absl::OkStatus();
}

// Collective. Ends a job whose output is complete.
ExitCode BatchRun::End() {
  const std::string why = AllGather(world_, {"journal"}, why_fails_).front();
  if (why.empty()) return ExitCode::kDone;
  return ExitWith(world_, absl::FailedPreconditionError(why + "; the output is complete"),
                  ExitCode::kFailed);
}

absl::StatusOr<bool> BatchRun::Open() {
  absl::Status status;
  if (world_.rank() == 0) status = OpenOnRoot();
  status = AgreeOnStatus(world_, status);
  if (!status.ok()) return status;
  // A status code cannot say this: an error of the file system may have any code.
  const std::string complete =
      AllGather(world_, {"journal"}, is_complete_ ? "complete" : "").front();
  if (!complete.empty()) return false;
  signals_.SetOnStop([this](const char* signal) { return OnStop(signal); });
  const bool has_journal = batch_ && batch_->journal != nullptr;
  const std::string crash_path =
      AllGather(world_, {"journal"}, has_journal ? batch_->journal->crash_path() : "").front();
  if (!crash_path.empty()) LeaveNotes(crash_path);
  return true;
}

// Lets faults of this rank be noted while it works at requests.
void BatchRun::LeaveNotes(const std::string& path) {
  LeaveNoteOnCrash(path, ThreadLabel());
  if (job_) job_->SetOnRead(NoteLineBeingRead);
  if (process_ != nullptr) process_->SetOnStandstill(LeaveNoteOfStandstill);
}

// Runs on the thread of the signals, whatever this rank does meanwhile. If this rank stands still,
// the other ranks end the job, and their launcher ends this process.
ExitCode BatchRun::OnStop(const char* signal) {
  if (process_ != nullptr && process_->StandsStill()) LeaveNoteOfStandstill();
  if (world_.rank() > 0) return ExitCode::kStopped;
  const absl::Status status = batch_->output->Stop(signal);
  const bool resumable = status.ok() && batch_->journal != nullptr;
  const std::string text =
      absl::StrCat("octet: stopped by ", signal,
                   resumable ? "; what is done is kept, --resume goes on\n"
                             : absl::StrCat(" ", std::string(status.message()), "\n"));
  std::cerr << text << std::flush;
  return resumable ? ExitCode::kStopped : ExitCode::kFailed;
}

absl::Status BatchRun::LoadAndServe(Progress& progress) {
  const absl::StatusOr<std::unique_ptr<Session>> session =
      LoadSession(world_, config_, setup_, files_, progress);
  if (!session.ok()) return session.status();
  Engine& engine = (*session)->engine();
  BatchJob* job = job_ ? &*job_ : nullptr;
  TraceFile* trace = batch_ ? batch_->trace.get() : nullptr;
  if (trace != nullptr) {
    engine.SetOnRouting([trace](StepRouting& step) { trace->Add(step); });
    engine.SetOnPlacement([trace](const ExpertPlacement& p) { trace->SetPlacement(p); });
  }

  std::optional<TimelineRecorder> timeline;
  if (!config_.timeline().empty()) timeline.emplace(world_);
  std::optional<MetricsFile> metrics;
  if (job != nullptr && !config_.metrics().empty()) {
    metrics.emplace(
        files_, config_.metrics(),
        [&] { return CollectMetrics(world_, setup_, **session, *job, ModelName(config_)); },
        [] { return SecondsSince(Clock::time_point()); });
  }

  const Clock::time_point start = Clock::now();
  const auto on_placement_request = [&] {
    return MoveToPlacementFile(config_, setup_.placement, files_, engine);
  };
  absl::Status status = Serve(engine, job, trace, signals_, on_placement_request, progress,
                              metrics ? &*metrics : nullptr);
  if (job != nullptr && status.ok()) status = FinishBatch(*job, *batch_);
  if (job != nullptr && status.ok()) progress.Serve(CountRequests(*job, engine));
  progress.EndStage();
  const double run_seconds = SecondsSince(start);
  if (metrics) SayAll(world_, metrics->Finish(status.ok()));
  status = AgreeOnStatus(world_, status);
  if (timeline && (status.ok() || absl::IsCancelled(status))) KeepTimeline(*timeline);
  return status.ok() ? Report(**session, run_seconds) : status;
}

// Collective. The job is done: a file that can't be written is a note.
void BatchRun::KeepTimeline(TimelineRecorder& timeline) {
  std::vector<std::string> notes;
  const absl::Status status = WriteTimeline(world_, timeline, files_, config_.timeline(), notes);
  if (!status.ok()) notes.push_back("--timeline: " + std::string(status.message()));
  SayAll(world_, notes);
}

// Collective. Reports what all ranks did.
absl::Status BatchRun::Report(Session& session, double run_seconds) {
  RunReport report = MakeReport(world_, setup_, session);
  absl::Status status;
  if (job_) {
    report.set_run_seconds(run_seconds);
    report.set_requests(job_->counts().answered);
    report.set_failed_requests(job_->counts().refused);
    if (const Journal* journal = batch_->journal) {
      report.set_resumed_requests(journal->num_earlier());
      report.set_journal_seconds(journal->cost().wall_seconds);
      report.set_journal_cpu_seconds(journal->cost().cpu_seconds);
    }
    AddRefusals(job_->refusals(), report);
    std::cerr << FormatSummary(report) << std::flush;
    const std::string refused = DescribeRefused(job_->counts(), job_->refusals());
    if (!refused.empty()) SayLines(world_, refused);
    why_fails_ = WhyFailsOnRefused(config_, job_->counts().refused);
    if (!config_.report().empty()) status = WriteReports(report);
  }
  return AgreeOnStatus(world_, status);
}

// On rank 0. The job is done: a page that can't be made is a note.
absl::Status BatchRun::WriteReports(const RunReport& report) {
  absl::Status status = WriteReport(report, config_.report(), files_);
  if (!status.ok()) return status;
  const Activity::Scope activity({"page"});
  const std::string note = WriteReportPage(files_, config_.report());
  if (!note.empty()) Say(world_, "note: " + note);
  return absl::OkStatus();
}

// Collective. Serves config.input into config.output. Rank 0 tells the user what happens, on
// standard error.
ExitCode RunBatch(Communicator& world, const RunConfig& config, StopSignals& signals) {
  PosixFileSystem files;
  const absl::StatusOr<JobSetup> setup = SetUpAndReport(world, config, files);
  if (!setup.ok()) return ExitWith(world, setup.status(), ExitCode::kCannotServe);
  if (config.dry_run()) return DryRun(world, config, *setup, files);

  const auto progress = RankProgress::Make(world, config);
  if (!progress.ok()) return ExitWith(world, progress.status(), ExitCode::kCannotServe);
  BatchRun run(world, config, *setup, files, signals);
  const absl::StatusOr<bool> opened = run.Open();
  if (!opened.ok()) return ExitWith(world, opened.status(), ExitCode::kCannotServe);
  if (!*opened) return run.End();
  const absl::Status status = run.LoadAndServe((*progress)->progress());
  const HostWeights& weights = setup->host_weights;
  if (status.ok() && weights.leads && weights.kept != nullptr) weights.kept->Remove();
  if (status.ok()) return run.End();
  return ExitWith(world, status,
                  absl::IsCancelled(status) ? ExitCode::kStopped : ExitCode::kFailed);
}

class RunBatchCommand : public Subcommand {
 public:
  RunBatchCommand(CommandLine& parent, StopSignals& signals)
      : Subcommand(parent, "run-batch", "answer a JSONL file of requests"),
        signals_(signals),
        flags_(line()) {
    flags_.AddBatchFlags();
  }

  ExitCode Run(Communicator& world) override {
    const absl::StatusOr<RunConfig> config = ResolveOnAllRanks(world, flags_);
    return config.ok() ? RunBatch(world, *config, signals_)
                       : ExitWith(world, config.status(), ExitCode::kCannotServe);
  }

 private:
  StopSignals& signals_;
  RunConfigFlags flags_;
};

}  // namespace

std::unique_ptr<Subcommand> AddRunBatch(CommandLine& parent, StopSignals& signals) {
  return std::make_unique<RunBatchCommand>(parent, signals);
}

}  // namespace octet
