#include "launch/run_batch.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <chrono>
#include <filesystem>
#include <iostream>

#include "launch/job_setup.h"
#include "launch/progress.h"
#include "launch/report.h"
#include "launch/session.h"
#include "parallel/agreement.h"
#include "runtime/batch_job.h"

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// As results name it: the name that was asked for, or the directory's.
std::string ModelName(const RunConfig& config) {
  if (!config.served_model_name().empty()) return config.served_model_name();
  const std::filesystem::path path = std::filesystem::path(config.model()).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

absl::StatusOr<std::unique_ptr<BatchJob>> OpenBatchJob(const RunConfig& config,
                                                       const JobSetup& setup, FileSystem& files) {
  if (config.input().empty()) return absl::InvalidArgumentError("-i, --input is missing");
  if (config.output().empty()) return absl::InvalidArgumentError("-o, --output is missing");
  if (!config.report().empty()) {
    const absl::Status status = files.MakeDirectories(config.report());
    if (!status.ok()) return status;
  }
  const RequestLimits limits = {.tokenizer = setup.model.tokenizer.get(),
                                .vocab_size = setup.model.config.vocab_size,
                                .max_model_len = setup.engine.max_model_len,
                                .served_model_name = config.served_model_name(),
                                .lenient = config.lenient()};
  const ResultFormat format = {.tokenizer = setup.model.tokenizer.get(),
                               .model = ModelName(config),
                               .created = config.created()};
  auto job = std::make_unique<BatchJob>(files, limits, format, setup.engine.limits.NumSlots());
  const absl::Status status =
      job->Open({config.input().begin(), config.input().end()}, config.output());
  if (!status.ok()) return status;
  return job;
}

void SayNotes(const std::vector<std::string>& notes, Progress& progress) {
  if (!notes.empty()) progress.Hide();
  for (const std::string& note : notes) std::cerr << "octet: note: " << note << std::endl;
}

RequestCounts CountRequests(const BatchJob& job, const Engine& engine) {
  const BatchCounts counts = job.counts();
  return {.done = counts.answered + counts.refused,
          .total = counts.estimated_lines,
          .total_is_exact = counts.input_ended,
          .prompt_tokens = engine.stats().prompt_tokens,
          .generated_tokens = engine.stats().sampled_tokens,
          .running = counts.unfinished_sequences - engine.num_waiting(),
          .waiting = engine.num_waiting()};
}

// Collective: steps until every line is answered, or an answer can't be written. `job` is null
// except on rank 0.
absl::Status Serve(Engine& engine, BatchJob* job, Progress& progress) {
  std::vector<FinishedSequence> finished;
  absl::Status status;
  do {
    if (job != nullptr && status.ok()) status = job->Write(finished);
    if (job != nullptr && status.ok()) status = job->Feed(engine);
    if (job != nullptr) SayNotes(job->TakeNotes(), progress);
    if (job != nullptr) progress.Serve(CountRequests(*job, engine));
    if (!status.ok()) engine.Stop();
    finished.clear();
  } while (engine.Step(finished));
  progress.EndStage();
  return status;
}

// Collective: gives the output its name. The others wait as long as a disk takes for all of it.
absl::Status Finish(Communicator& world, const RunConfig& config, BatchJob* job,
                    absl::Status status) {
  constexpr std::chrono::hours kDiskTimeout(1);
  world.set_timeout(kDiskTimeout);
  if (job != nullptr && status.ok()) status = job->Finish();
  status = AgreeOnStatus(world, status);
  world.set_timeout(std::chrono::duration<double>(config.timeout()));
  return status;
}

// Collective: everything after the setup.
ExitCode LoadAndServe(Communicator& world, const RunConfig& config, const JobSetup& setup,
                      BatchJob* job, Progress& progress, FileSystem& files) {
  const absl::StatusOr<std::unique_ptr<Session>> session =
      LoadSession(world, config, setup, progress);
  if (!session.ok()) return ExitWith(world, session.status(), ExitCode::kFailed);

  const Clock::time_point run_start = Clock::now();
  absl::Status status = Finish(world, config, job, Serve((*session)->engine(), job, progress));
  if (!status.ok()) return ExitWith(world, status, ExitCode::kFailed);

  RunReport report = MakeReport(world, setup, **session);
  report.set_run_seconds(SecondsSince(run_start));
  if (job != nullptr) {
    report.set_requests(job->counts().answered);
    report.set_failed_requests(job->counts().refused);
    std::cerr << FormatSummary(report) << std::flush;
    if (!config.report().empty()) status = WriteReport(report, config.report(), files);
  }
  status = AgreeOnStatus(world, status);
  return status.ok() ? ExitCode::kDone : ExitWith(world, status, ExitCode::kFailed);
}

// Collective: serves config.input into config.output. Rank 0 tells a person what happens, on
// standard error.
ExitCode RunBatch(Communicator& world, const RunConfig& config) {
  PosixFileSystem files;
  const absl::StatusOr<JobSetup> setup = SetUpAndSay(world, config, files);
  if (!setup.ok()) return ExitWith(world, setup.status(), ExitCode::kCannotServe);
  if (config.dry_run()) return ExitCode::kDone;

  const auto progress = RankProgress::Make(world, config);
  if (!progress.ok()) return ExitWith(world, progress.status(), ExitCode::kCannotServe);
  std::unique_ptr<BatchJob> job;
  absl::Status status;
  if (world.rank() == 0) {
    absl::StatusOr<std::unique_ptr<BatchJob>> opened = OpenBatchJob(config, *setup, files);
    status = opened.status();
    if (status.ok()) job = *std::move(opened);
  }
  status = AgreeOnStatus(world, status);
  if (!status.ok()) return ExitWith(world, status, ExitCode::kCannotServe);
  return LoadAndServe(world, config, *setup, job.get(), (*progress)->progress(), files);
}

class RunBatchCommand : public Subcommand {
 public:
  explicit RunBatchCommand(CLI::App& parent)
      : Subcommand(parent, "run-batch", "answer a JSONL file of requests"), flags_(app()) {
    flags_.AddBatchFlags(app());
  }

  ExitCode Run(Communicator& world) override {
    const absl::StatusOr<RunConfig> config = ResolveOnAllRanks(world, flags_);
    return config.ok() ? RunBatch(world, *config)
                       : ExitWith(world, config.status(), ExitCode::kCannotServe);
  }

 private:
  RunConfigFlags flags_;
};

}  // namespace

std::unique_ptr<Subcommand> AddRunBatch(CLI::App& parent) {
  return std::make_unique<RunBatchCommand>(parent);
}

}  // namespace octet
