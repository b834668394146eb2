#include "launch/batch/batch_files.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include "kernels/base/activity.h"
#include "launch/batch/input_check.h"
#include "launch/files/result_file.h"
#include "launch/pages/page_name.h"
#include "launch/trace/trace_header.h"
#include "launch/version.h"
#include "runtime/batch/input_lines.h"
#include "runtime/batch/job_identity.h"
#include "runtime/batch/output_path.h"
#include "runtime/batch/stream_output.h"
#include "runtime/engine/home_choice.h"

namespace octet {
namespace {

// The time to wait for the start of a pipe, which is checked before anything is written only if it
// does not delay the job.
constexpr std::chrono::milliseconds kPeekPatience(200);

absl::Status CheckFlags(const RunConfig& config) {
  if (config.input().empty()) return absl::InvalidArgumentError("-i, --input is missing");
  if (config.output().empty()) return absl::InvalidArgumentError("-o, --output is missing");
  if (config.resume() && config.overwrite()) {
    return absl::InvalidArgumentError("--resume and --overwrite exclude each other");
  }
  if (config.retry_failed() && (config.resume() || config.overwrite())) {
    return absl::InvalidArgumentError("--retry-failed excludes --resume and --overwrite");
  }
  if (!config.profile().empty() && !config.dry_run()) {
    return absl::InvalidArgumentError("--profile is for --dry-run");
  }
  if (config.price_per_hour() > 0 && config.profile().empty()) {
    return absl::InvalidArgumentError("--price-per-hour needs --profile");
  }
  if (config.retry_failed() && !config.trace().empty()) {
    return absl::InvalidArgumentError("--retry-failed: answers that stay have no --trace");
  }
  return absl::OkStatus();
}

absl::Status OfFlag(const char* flag, const absl::Status& status) {
  return {status.code(), absl::StrCat(flag, " ", std::string(status.message()))};
}

// Reports progress: the other ranks wait meanwhile.
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
  job.set_arithmetic(setup.arithmetic);
  job.set_seed(config.seed());
  job.set_max_model_len(static_cast<int32_t>(setup.engine.max_model_len));
  job.set_lenient(config.lenient());
  job.set_allow_home(config.allow_home());
  job.set_return_routed_experts(config.return_routed_experts());
  job.set_chat_template(setup.chat_template);
  job.set_served_model_name(config.served_model_name());
  job.set_model_name(ModelName(config));
  job.set_created(config.created());
  job.set_generation_config(config.generation_config() == "auto" ? "auto" : "none");
  job.set_version(OctetRelease());
  return job;
}

std::vector<std::string> InputsOf(const RunConfig& config) {
  return {config.input().begin(), config.input().end()};
}

absl::StatusOr<std::unique_ptr<Journal>> LookAtJournal(const RunConfig& config,
                                                       const JobSetup& setup, FileSystem& files,
                                                       const std::string& output,
                                                       BatchFiles& checked) {
  const absl::StatusOr<JobIdentity> job = IdentifyJob(config, setup, files);
  if (!job.ok()) return job.status();
  const absl::StatusOr<int64_t> lines = EstimateLines(files, InputsOf(config));
  if (!lines.ok()) return lines.status();
  JournalOptions options = {.compare_contents = config.verify(), .advance = Advance};
  options.mode = config.resume()         ? StartMode::kResume
                 : config.overwrite()    ? StartMode::kOverwrite
                 : config.retry_failed() ? StartMode::kRetryFailed
                                         : StartMode::kNew;
  options.expected_results = *lines;
  for (const std::string& input : InputsOf(config)) {
    options.input_paths.push_back(std::filesystem::absolute(input).string());
  }
  if (TraceFile* trace = checked.trace.get()) {
    options.commit.sync_before = [trace] { return trace->Sync(); };
  }
  options.hash_of_lines = [&] { return HashOfLines(files, InputsOf(config), Advance); };
  return Journal::Look(files, output, *job, options, checked.notes);
}

bool IsFinished(const BatchFiles& files) {
  return files.journal != nullptr && files.journal->finished() != nullptr;
}

// Looks at the trace before the journal: a request counts as done only if its routing is in the
// trace.
absl::Status LookAtTrace(const RunConfig& config, const JobSetup& setup, FileSystem& files,
                         const std::string& output, BatchFiles& checked) {
  if (config.trace().empty()) return absl::OkStatus();
  for (const std::string& taken : InputsOf(config)) {
    if (!files.IsSame(taken, config.trace())) continue;
    return absl::InvalidArgumentError(absl::StrCat("--trace would overwrite --input ", taken));
  }
  const HomeSetting home = *ParseHomeSetting(config.home());
  if (!home.trace.empty() && files.IsSame(home.trace, config.trace())) {
    return absl::InvalidArgumentError(
        absl::StrCat("--trace would overwrite that of --home ", config.home()));
  }
  const absl::StatusOr<std::string> resolved = files.Resolve(config.trace());
  if (resolved.ok() && *resolved == output) {
    return absl::InvalidArgumentError("--trace and --output are the same file");
  }
  const TraceStart start = config.resume()      ? TraceStart::kResume
                           : config.overwrite() ? TraceStart::kOverwrite
                                                : TraceStart::kNew;
  absl::StatusOr<std::unique_ptr<TraceFile>> trace =
      TraceFile::Look(files, config.trace(), start, MakeTraceHeader(config, setup), checked.notes);
  if (!trace.ok()) return trace.status();
  checked.trace = *std::move(trace);
  return absl::OkStatus();
}

// Is called while a FIFO has no reader. Reports progress, so that the other ranks wait, and says
// once what for.
class WaitForReader {
 public:
  WaitForReader(std::string output, std::function<void(const std::string&)> say)
      : output_(std::move(output)), say_(std::move(say)) {}

  void operator()() {
    constexpr std::chrono::milliseconds kPause(20);
    constexpr int kPausesUntilSaid = 50;
    if (++pauses_ == kPausesUntilSaid) say_("waits for a reader of --output " + output_);
    std::this_thread::sleep_for(kPause);
    Advance();
  }

 private:
  std::string output_;
  std::function<void(const std::string&)> say_;
  int pauses_ = 0;
};

absl::Status LookAtOutput(const RunConfig& config, const JobSetup& setup, FileSystem& files,
                          const std::string& output, std::function<void(const std::string&)> say,
                          BatchFiles& checked) {
  if (CanBeResumed(files, InputsOf(config), output)) {
    absl::StatusOr<std::unique_ptr<Journal>> journal =
        LookAtJournal(config, setup, files, output, checked);
    if (!journal.ok()) return journal.status();
    checked.journal = journal->get();
    checked.output = *std::move(journal);
    return absl::OkStatus();
  }
  if (config.resume() || config.retry_failed()) {
    return absl::InvalidArgumentError(absl::StrCat(
        config.resume() ? "--resume" : "--retry-failed",
        ": a job that reads standard input or a pipe, or writes to one, has no journal"));
  }
  checked.notes.emplace_back(
      "no journal is kept, as input or output is no file: a job that is stopped must start anew");
  absl::StatusOr<std::unique_ptr<StreamOutput>> stream =
      StreamOutput::Look(files, output, config.overwrite(), WaitForReader(output, std::move(say)));
  if (!stream.ok()) return stream.status();
  checked.output = *std::move(stream);
  return absl::OkStatus();
}

absl::Status CheckStandardStreams(const RunConfig& config, FileSystem& files) {
  for (const std::string& input : config.input()) {
    if (input != "-") continue;
    const absl::Status status = files.OpenInput(input).status();
    if (!status.ok()) return OfFlag("--input -:", status);
  }
  if (config.output() != "-") return absl::OkStatus();
  const absl::Status status = files.CreateOutput("-").status();
  return status.ok() ? status : OfFlag("--output -:", status);
}

// Checks that the report's directory is not at the output's path, and that its files are none of
// the others.
absl::Status CheckReport(const RunConfig& config, FileSystem& files, const std::string& output) {
  if (config.report().empty()) return absl::OkStatus();
  const auto normal = [](const std::string& path) {
    return (std::filesystem::absolute(path) / "").lexically_normal().string();
  };
  bool holds_output = absl::StartsWith(normal(config.report()), normal(output));
  for (const char* name : {"summary.json", kPageName}) {
    const std::string written = JoinPath(config.report(), name);
    for (const std::string& taken : InputsOf(config)) {
      if (!files.IsSame(taken, written)) continue;
      return absl::InvalidArgumentError(absl::StrCat("--report would overwrite --input ", taken));
    }
    holds_output = holds_output || normal(written) == normal(output);
  }
  if (output != "-" && holds_output) {
    return absl::InvalidArgumentError(
        absl::StrCat("--report ", config.report(), " stands in the way of --output ", output));
  }
  return CheckResultDirectory(files, "--report", config.report(), "summary.json");
}

// Checks the files of --metrics and --timeline.
absl::Status CheckObservations(const RunConfig& config, FileSystem& files,
                               const std::string& output) {
  for (const auto& [flag, path] :
       {std::pair("--metrics", config.metrics()), std::pair("--timeline", config.timeline())}) {
    if (path.empty()) continue;
    for (const std::string& taken : InputsOf(config)) {
      if (!files.IsSame(taken, path)) continue;
      return absl::InvalidArgumentError(absl::StrCat(flag, " would overwrite --input ", taken));
    }
    if (files.IsSame(output, path) || output == path) {
      return absl::InvalidArgumentError(absl::StrCat(flag, " and --output are the same file"));
    }
    absl::Status status = CheckResultFile(files, flag, path);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

std::vector<int64_t> HomeSlots(const JobSetup& setup) {
  const SchedulerLimits& limits = setup.engine.limits;
  std::vector<int64_t> slots(limits.num_ranks());
  for (int r = 0; r < limits.num_ranks(); ++r) slots[r] = limits.SlotsOf(r);
  return slots;
}

}  // namespace

RequestLimits LimitsOfRequests(const RunConfig& config, const JobSetup& setup) {
  return {.tokenizer = setup.model.tokenizer.get(),
          .chat = setup.model.chat.get(),
          .vocab_size = setup.model.config.vocab_size,
          .has_end_token = !setup.model.config.eos_token_ids.empty(),
          .max_model_len = setup.engine.max_model_len,
          .created = config.created(),
          .served_model_name = config.served_model_name(),
          .lenient = config.lenient(),
          .home_slots = config.allow_home() ? HomeSlots(setup) : std::vector<int64_t>(),
          .defaults = setup.sampling};
}

std::string ModelName(const RunConfig& config) {
  if (!config.served_model_name().empty()) return config.served_model_name();
  const std::filesystem::path path = std::filesystem::path(config.model()).lexically_normal();
  return (path.has_filename() ? path : path.parent_path()).filename().string();
}

absl::StatusOr<BatchFiles> CheckBatchFiles(const RunConfig& config, const JobSetup& setup,
                                           FileSystem& files,
                                           std::function<void(const std::string&)> say) {
  absl::Status status = CheckFlags(config);
  if (!status.ok()) return status;
  const absl::StatusOr<std::string> output = files.Resolve(config.output());
  if (!output.ok()) return OfFlag("--output", output.status());
  status = CheckOutput(files, InputsOf(config), *output, config.model());
  if (status.ok()) status = CheckStandardStreams(config, files);
  if (status.ok()) status = CheckReport(config, files, *output);
  if (status.ok()) status = CheckObservations(config, files, *output);
  if (!status.ok()) return status;
  absl::StatusOr<LineReader> reader = LineReader::Open(files, InputsOf(config));
  status = reader.status();
  if (status.ok()) status = CheckInputs(files, InputsOf(config), setup.model.tokenizer != nullptr);
  if (status.ok()) status = reader->Peek(kPeekPatience);
  if (!status.ok()) return OfFlag("--input", status);

  BatchFiles checked = {
      .reader = *std::move(reader), .trace = nullptr, .output = nullptr, .notes = {}};
  const absl::Status trace = LookAtTrace(config, setup, files, *output, checked);
  status = LookAtOutput(config, setup, files, *output, std::move(say), checked);
  if (status.ok() && !IsFinished(checked)) status = trace;
  if (!status.ok()) return status;
  return checked;
}

absl::Status BeginBatchFiles(const RunConfig& config, FileSystem& files, BatchFiles& checked) {
  absl::Status status = checked.output->Begin(checked.notes);
  if (status.ok() && IsFinished(checked) && !config.trace().empty()) {
    checked.notes.emplace_back("--trace: nothing is left to compute, and nothing is written to it");
  } else if (status.ok() && checked.trace != nullptr) {
    status = checked.trace->Begin();
  }
  if (!status.ok() || config.report().empty()) return status;
  return files.MakeDirectories(config.report());
}

}  // namespace octet
