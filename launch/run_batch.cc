#include "launch/run_batch.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <chrono>
#include <filesystem>
#include <iostream>

#include "launch/job_setup.h"
#include "launch/report.h"
#include "parallel/agreement.h"
#include "runtime/batch_job.h"

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;

// Ranks own different amounts of weights, so some wait long for others before the run begins.
constexpr std::chrono::hours kLoadTimeout(1);

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// To a person, from rank 0.
void Say(const Communicator& comm, const std::string& text) {
  if (comm.rank() == 0) std::cerr << "octet: " << text << std::endl;
}

// As results name it: the name that was asked for, or the directory's.
std::string ModelName(const RunConfig& config) {
  if (!config.served_model_name().empty()) return config.served_model_name();
  const std::filesystem::path path = std::filesystem::path(config.model()).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

absl::StatusOr<std::unique_ptr<BatchJob>> OpenBatchJob(const RunConfig& config,
                                                       const JobSetup& setup) {
  if (config.input().empty()) return absl::InvalidArgumentError("-i, --input is missing");
  if (config.output().empty()) return absl::InvalidArgumentError("-o, --output is missing");
  const RequestLimits limits = {.tokenizer = setup.model.tokenizer.get(),
                                .vocab_size = setup.model.config.vocab_size,
                                .max_model_len = setup.engine.max_model_len,
                                .served_model_name = config.served_model_name()};
  const ResultFormat format = {.tokenizer = setup.model.tokenizer.get(),
                               .model = ModelName(config),
                               .created = config.created()};
  auto job = std::make_unique<BatchJob>(limits, format, setup.engine.limits.max_num_seqs);
  const absl::Status status = job->Open(config.input(), config.output());
  if (!status.ok()) return status;
  return job;
}

// Collective: loads this rank's weights, with a line now and then from rank 0.
absl::StatusOr<ModelWeights> Load(Communicator& comm, const JobSetup& setup, Backend& backend) {
  const Clock::time_point start = Clock::now();
  double next_line = 2;  // seconds
  const auto progress = [&](uint64_t done, uint64_t total) {
    const double seconds = SecondsSince(start);
    if (seconds < next_line && done < total) return;
    next_line = seconds + 2;
    Say(comm, absl::StrFormat("loaded %.2f of %.2f GB, %.2f GB/s", done / 1e9, total / 1e9,
                              done / 1e9 / seconds));
  };
  absl::StatusOr<ModelWeights> weights =
      LoadWeights(setup.model.tensors, setup.model.config, setup.placement, comm.rank(), backend,
                  setup.engine.dtype, progress);
  const absl::Status status = AgreeOnStatus(comm, weights.status());
  if (!status.ok()) return status;
  return weights;
}

// Collective: steps until every line is answered, or an answer can't be written. `job` is null
// except on rank 0.
absl::Status Serve(Engine& engine, BatchJob* job) {
  std::vector<FinishedSequence> finished;
  absl::Status status;
  do {
    if (job != nullptr && status.ok()) status = job->Write(finished);
    if (job != nullptr && status.ok()) status = job->Feed(engine);
    if (!status.ok()) engine.Stop();
    finished.clear();
  } while (engine.Step(finished));
  if (job != nullptr && status.ok()) status = job->Finish();
  return status;
}

std::string DescribeSetup(const Communicator& comm, const JobSetup& setup) {
  return absl::StrCat(comm.size(), comm.size() == 1 ? " rank" : " ranks", " x ", setup.threads,
                      setup.threads == 1 ? " thread" : " threads", ", numerics class ",
                      setup.NumericsClass());
}

ExitCode Fail(const Communicator& comm, const absl::Status& status, ExitCode code) {
  Say(comm, std::string(status.message()));
  return code;
}

// Collective: everything after the setup.
ExitCode LoadAndServe(Communicator& comm, const RunConfig& config, const JobSetup& setup,
                      BatchJob* job) {
  const auto backend = MakeCpuBackend(setup.isa, setup.threads);
  const Clock::time_point load_start = Clock::now();
  comm.set_timeout(kLoadTimeout);
  const absl::StatusOr<ModelWeights> weights = Load(comm, setup, *backend);
  comm.set_timeout(std::chrono::duration<double>(config.timeout()));
  if (!weights.ok()) return Fail(comm, weights.status(), ExitCode::kFailed);
  const double load_seconds = SecondsSince(load_start);

  Engine engine(comm, *backend, setup.model.config, *weights, setup.placement, setup.engine);
  const Clock::time_point run_start = Clock::now();
  absl::Status status = AgreeOnStatus(comm, Serve(engine, job));
  if (!status.ok()) return Fail(comm, status, ExitCode::kFailed);

  RunReport report = MakeReport(comm, setup, *weights, engine);
  report.set_load_seconds(load_seconds);
  report.set_run_seconds(SecondsSince(run_start));
  if (job != nullptr) {
    report.set_requests(job->num_requests());
    report.set_failed_requests(job->num_failed_requests());
    std::cerr << FormatSummary(report) << std::flush;
    if (!config.report().empty()) status = WriteReport(report, config.report());
  }
  status = AgreeOnStatus(comm, status);
  return status.ok() ? ExitCode::kDone : Fail(comm, status, ExitCode::kFailed);
}

}  // namespace

ExitCode RunBatch(Communicator& comm, const RunConfig& config) {
  comm.set_timeout(std::chrono::duration<double>(config.timeout()));
  PosixFileSystem files;
  absl::StatusOr<JobSetup> setup = SetUpJob(comm, config, files);
  if (!setup.ok()) return Fail(comm, setup.status(), ExitCode::kCannotServe);

  std::unique_ptr<BatchJob> job;
  absl::Status status;
  if (comm.rank() == 0) {
    absl::StatusOr<std::unique_ptr<BatchJob>> opened = OpenBatchJob(config, *setup);
    status = opened.status();
    if (status.ok()) job = *std::move(opened);
  }
  status = AgreeOnStatus(comm, status);
  if (!status.ok()) return Fail(comm, status, ExitCode::kCannotServe);

  for (const std::string& warning : setup->warnings) Say(comm, absl::StrCat("note: ", warning));
  Say(comm, DescribeSetup(comm, *setup));
  return LoadAndServe(comm, config, *setup, job.get());
}

}  // namespace octet
