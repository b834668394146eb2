#include "launch/batch_files.h"

#include <absl/strings/str_cat.h>

#include <chrono>
#include <filesystem>
#include <utility>

#include "kernels/activity.h"
#include "launch/input_check.h"
#include "runtime/batch/job_identity.h"
#include "runtime/batch/stream_output.h"

namespace octet {
namespace {

// A pipe is looked into before anything is written only where it does not keep the job waiting.
constexpr std::chrono::milliseconds kPeekPatience(200);

absl::Status CheckFlags(const RunConfig& config) {
  if (config.input().empty()) return absl::InvalidArgumentError("-i, --input is missing");
  if (config.output().empty()) return absl::InvalidArgumentError("-o, --output is missing");
  if (config.resume() && config.overwrite()) {
    return absl::InvalidArgumentError("--resume and --overwrite exclude each other");
  }
  return absl::OkStatus();
}

absl::Status OfFlag(const char* flag, const absl::Status& status) {
  return {status.code(), absl::StrCat(flag, " ", std::string(status.message()))};
}

// The other ranks wait meanwhile.
void Advance() { Activity::OfThisThread().Tick(); }

absl::StatusOr<JobIdentity> IdentifyJob(const RunConfig& config, const JobSetup& setup,
                                        FileSystem& files) {
  JobIdentity job;
  for (const std::string& input : config.input()) {
    absl::StatusOr<FileIdentity> file = IdentifyFile(files, input, config.verify(), Advance);
    if (!file.ok()) return file.status();
    *job.add_input() = *std::move(file);
  }
  const absl::Status status = IdentifyModel(files, config.model(), config.verify(), Advance, job);
  if (!status.ok()) return status;
  job.set_model(setup.model.fingerprint);
  job.set_numerics_class(setup.NumericsClass());
  job.set_seed(config.seed());
  job.set_max_model_len(static_cast<int32_t>(setup.engine.max_model_len));
  job.set_lenient(config.lenient());
  job.set_served_model_name(config.served_model_name());
  job.set_model_name(ModelName(config));
  job.set_created(config.created());
  job.set_version(OCTET_VERSION);
  return job;
}

absl::StatusOr<std::unique_ptr<Journal>> OpenJournal(const RunConfig& config, const JobSetup& setup,
                                                     FileSystem& files,
                                                     std::vector<std::string>& notes) {
  const absl::StatusOr<JobIdentity> job = IdentifyJob(config, setup, files);
  if (!job.ok()) return job.status();
  const StartMode mode = config.resume()      ? StartMode::kResume
                         : config.overwrite() ? StartMode::kOverwrite
                                              : StartMode::kNew;
  return Journal::Open(files, config.output(), *job,
                       {.mode = mode, .compare_contents = config.verify(), .advance = Advance},
                       notes);
}

absl::Status OpenOutput(const RunConfig& config, const JobSetup& setup, FileSystem& files,
                        BatchFiles& opened) {
  const std::vector<std::string> inputs(config.input().begin(), config.input().end());
  if (CanBeResumed(files, inputs, config.output())) {
    absl::StatusOr<std::unique_ptr<Journal>> journal =
        OpenJournal(config, setup, files, opened.notes);
    if (!journal.ok()) return journal.status();
    opened.journal = journal->get();
    opened.output = *std::move(journal);
    return absl::OkStatus();
  }
  if (config.resume()) {
    return absl::InvalidArgumentError(
        "--resume: a job that reads standard input or a pipe, or writes to one, has no journal");
  }
  opened.notes.emplace_back(
      "no journal is kept, as input or output is no file: a job that is stopped must start anew");
  absl::StatusOr<std::unique_ptr<StreamOutput>> stream =
      StreamOutput::Open(files, inputs, config.output());
  if (!stream.ok()) return OfFlag("--output", stream.status());
  opened.output = *std::move(stream);
  return absl::OkStatus();
}

}  // namespace

RequestLimits LimitsOfRequests(const RunConfig& config, const JobSetup& setup) {
  return {.tokenizer = setup.model.tokenizer.get(),
          .vocab_size = setup.model.config.vocab_size,
          .max_model_len = setup.engine.max_model_len,
          .served_model_name = config.served_model_name(),
          .lenient = config.lenient()};
}

std::string ModelName(const RunConfig& config) {
  if (!config.served_model_name().empty()) return config.served_model_name();
  const std::filesystem::path path = std::filesystem::path(config.model()).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

absl::StatusOr<BatchFiles> CheckBatchFiles(const RunConfig& config, const JobSetup& setup,
                                           FileSystem& files) {
  const std::vector<std::string> inputs(config.input().begin(), config.input().end());
  absl::Status status = CheckFlags(config);
  if (status.ok()) status = CheckOutput(files, inputs, config.output());
  if (!status.ok()) return status;
  absl::StatusOr<LineReader> reader = LineReader::Open(files, inputs);
  status = reader.status();
  if (status.ok()) status = CheckInputs(files, inputs, setup.model.tokenizer != nullptr);
  if (status.ok()) status = reader->Peek(kPeekPatience);
  if (!status.ok()) return OfFlag("--input", status);
  return BatchFiles{.reader = *std::move(reader), .output = nullptr, .notes = {}};
}

absl::StatusOr<BatchFiles> OpenBatchFiles(const RunConfig& config, const JobSetup& setup,
                                          FileSystem& files) {
  absl::StatusOr<BatchFiles> opened = CheckBatchFiles(config, setup, files);
  if (!opened.ok()) return opened;
  absl::Status status = OpenOutput(config, setup, files, *opened);
  if (status.ok() && !config.report().empty()) status = files.MakeDirectories(config.report());
  if (!status.ok()) return status;
  return opened;
}

}  // namespace octet
