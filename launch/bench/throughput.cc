#include "launch/bench/throughput.h"

#include <absl/functional/function_ref.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iostream>

#include "launch/bench/answers_hash.h"
#include "launch/bench/bench_memory.h"
#include "launch/bench/device_probes.h"
#include "launch/bench/machine_facts.h"
#include "launch/bench/probes.h"
#include "launch/bench/routing_flag.h"
#include "launch/bench/run_comparison.h"
#include "launch/bench/step_record.h"
#include "launch/bench/throughput_prompts.h"
#include "launch/bench/throughput_report.h"
#include "launch/console/console.h"
#include "launch/console/rank_progress.h"
#include "launch/files/result_file.h"
#include "launch/report.h"
#include "launch/settings/run_config.h"
#include "launch/setup/job_setup.h"
#include "launch/setup/job_start.h"
#include "launch/setup/load_session.h"
#include "launch/setup/session.h"
#include "launch/trace/trace_header.h"
#include "parallel/transport/agreement.h"
#include "runtime/trace/trace_file.h"

namespace octet {
namespace {

StepMachine DescribeMachine(const Communicator& world, const JobSetup& setup,
                            const Session& session, MachineRates rates) {
  const WeightRows& table = session.weights().embed_tokens;
  const size_t embedding = static_cast<size_t>(table.rows) * table.row_bytes();
  return {.rates = std::move(rates),
          .hosts = {world.hosts().begin(), world.hosts().end()},
          .replicated_bytes = static_cast<double>(session.weights().replicated_bytes() - embedding),
          .arithmetic = CountArithmetic(setup.model.config)};
}

RankRates ProbeRank(const JobSetup& setup) {
  const DType dtype = setup.engine.dtype;
  // All quantised formats are multiplied as bytes.
  const WeightFormat format =
      setup.engine.quantised_experts ? WeightFormat::kQ8_0 : FormatOf(dtype);
  if (!setup.device.cuda) return ProbeProcessor(setup.device.isa, format, setup.threads);
  return ProbeDevice(*setup.device.MakeBackend(1), dtype);
}

// Collective. Measures, and calls `begin` after the warm-up; the report is complete on rank 0.
ThroughputReport Measure(Communicator& world, const ThroughputOptions& options,
                         const RunConfig& config, const JobSetup& setup, Session& session,
                         MachineRates rates, absl::FunctionRef<void()> begin) {
  StepRecorder recorder(world, setup, session);
  PosixFileSystem files;
  const Answers answers = RunPrompts(world, options, setup, session.engine(), recorder, begin);
  ThroughputReport report = {.options = options,
                             .config = config,
                             .model = setup.model.config,
                             .run = MakeReport(world, setup, session),
                             .machine = DescribeMachine(world, setup, session, std::move(rates)),
                             .cpu_model = CpuModels(world, files),
                             .num_hosts = CountHosts(world),
                             .limits = setup.engine.limits};
  const auto records = recorder.Gather(world);
  if (world.rank() != 0) return report;
  report.prefill = Summarize(report.machine, records, answers.warm_up_steps, true);
  report.decode = Summarize(report.machine, records, answers.warm_up_steps, false);
  report.run.set_run_seconds(report.seconds());
  report.right = AreRight(answers, options);
  report.answers_hash = HashAnswers(answers.measured);
  return report;
}

class BenchThroughputCommand : public Subcommand {
 public:
  explicit BenchThroughputCommand(CommandLine& bench)
      : Subcommand(bench, "throughput", "a model's steps on random prompts"), flags_(line()) {
    line().AddCount("--input-len", options_.input_len, kTokenCounts,
                    "tokens of each prompt; default 512");
    line().AddCount("--prefix-len", options_.prefix_len, {0, kTokenCounts.most},
                    "tokens before these, the same for all prompts; default 0");
    line().AddCount("--output-len", options_.output_len, kTokenCounts,
                    "tokens of each answer; default 128");
    line().AddCount("--num-prompts", options_.num_prompts, {1, 1'000'000}, "default 64");
    line().OnSwitch(
        "--sample", [this] { options_.sample = true; },
        "draw tokens at temperature 1; default: the greatest logit");
    line().OnSwitch(
        "--no-bounds", [this] { options_.bounds = false; },
        "don't measure what the machine allows, which takes seconds");
    line().AddText("--output-json", output_json_, "file for the report as JSON");
    line().AddText("--compare", compare_, "--output-json of another run, to compare this with");
    AddRoutingFlag(line(), options_.routing, "the router chooses");
    flags_.AddSeed("of the prompts, of random weights and of --routing");
    flags_.AddRandomWeightsFlags();
    flags_.AddTrace();
    flags_.AddLiveMoves();
    flags_.AddHome();
    flags_.AddSpeculate("off");
  }

  ExitCode Run(Communicator& world) override {
    absl::StatusOr<RunConfig> config = ResolveOnAllRanks(world, flags_);
    if (!config.ok()) return ExitWith(world, config.status(), ExitCode::kCannotServe);
    const int64_t longest = options_.prompt_len() + options_.output_len;
    if (config->max_model_len() == 0) config->set_max_model_len(static_cast<int32_t>(longest));
    // Random models repeat themselves: they would show how well text is guessed.
    if (config->speculate().empty()) config->set_speculate("off");
    PosixFileSystem files;
    const auto check = [&](const JobSetup& setup) {
      if (longest > setup.engine.max_model_len) {
        return absl::InvalidArgumentError(
            absl::StrCat("--prefix-len, --input-len and --output-len are ", longest,
                         " tokens together, more than --max-model-len ", config->max_model_len()));
      }
      absl::Status status = ReadRouting(setup, files);
      if (world.rank() != 0 || !status.ok()) return status;
      status = CheckMemory(files);
      if (status.ok()) status = CheckResults(*config, files);
      if (status.ok()) status = ReadSaved(files);
      return status.ok() ? LookAtTrace(*config, setup, files) : status;
    };
    absl::StatusOr<JobSetup> setup = SetUpAndReport(world, *config, files, check);
    if (!setup.ok()) return ExitWith(world, setup.status(), ExitCode::kCannotServe);
    const absl::Status agreed = AgreeOnRouting(world, routing_.get());
    if (!agreed.ok()) return ExitWith(world, agreed, ExitCode::kCannotServe);
    if (routing_ != nullptr) {
      setup->engine.override_experts = OverrideBy(*routing_);
      setup->engine.limits.prefix_cache = false;
    }
    if (config->dry_run()) return ExitCode::kDone;
    return LoadAndMeasure(world, *config, *setup, files);
  }

 private:
  // Every rank reads the file itself, because it forces the routing of its own tokens.
  absl::Status ReadRouting(const JobSetup& setup, FileSystem& files) {
    const ModelConfig& model = setup.model.config;
    absl::StatusOr<std::unique_ptr<RoutingLoad>> load =
        ReadJobRouting(files, options_.routing,
                       {.num_layers = model.num_layers,
                        .num_experts = model.num_experts,
                        .topk = model.experts_per_token,
                        .prompt_len = options_.prompt_len(),
                        .seed = setup.engine.seed});
    if (!load.ok()) return load.status();
    routing_ = *std::move(load);
    const std::optional<RankDevice>& cuda = setup.device.cuda;
    if (routing_ != nullptr && cuda && cuda->row_path != RowPath::kHosts) {
      return absl::InvalidArgumentError(
          "--routing needs --row-transport mpi, with which the host sets the routing");
    }
    return absl::OkStatus();
  }

  // Checks the memory of rank 0, which makes all prompts at the start and keeps all answers to the
  // end.
  absl::Status CheckMemory(FileSystem& files) const {
    constexpr double kTokenBytes = 2 * sizeof(int32_t);  // here, and on the way to its rank
    const double tokens = static_cast<double>(options_.num_prompts) *
                          static_cast<double>(options_.prompt_len() + options_.output_len);
    const std::vector<BenchMemory> needs = {
        {absl::StrCat("--num-prompts ", options_.num_prompts, " of --input-len ",
                      options_.prompt_len(), " and --output-len ", options_.output_len),
         kTokenBytes * tokens}};
    return CheckBenchMemory(files, needs);
  }

  absl::Status CheckResults(const RunConfig& config, FileSystem& files) const {
    absl::Status status;
    if (!output_json_.empty()) status = CheckResultFile(files, "--output-json", output_json_);
    if (!config.report().empty()) {
      status.Update(CheckResultDirectory(files, "--report", config.report(), "summary.json"));
    }
    return status;
  }

  // On rank 0.
  absl::Status ReadSaved(FileSystem& files) {
    SavedRun::Read saved = SavedRun::ReadThroughput(files, compare_);
    if (!saved.ok()) return saved.status();
    saved_ = *std::move(saved);
    return absl::OkStatus();
  }

  absl::Status LookAtTrace(const RunConfig& config, const JobSetup& setup, FileSystem& files) {
    if (config.trace().empty()) return absl::OkStatus();
    std::vector<std::string> notes;  // a new trace has none
    absl::StatusOr<std::unique_ptr<TraceFile>> trace = TraceFile::Look(
        files, config.trace(), TraceStart::kNew, MakeTraceHeader(config, setup), notes);
    if (!trace.ok()) return trace.status();
    trace_ = *std::move(trace);
    return absl::OkStatus();
  }

  // On rank 0. Opens the trace, which has no steps of the warm-up.
  absl::Status BeginTrace(Engine& engine) {
    if (trace_ == nullptr) return absl::OkStatus();
    engine.SetOnPlacement([this](const ExpertPlacement& p) { trace_->SetPlacement(p); });
    return trace_->Begin();
  }

  // Collective. Measures the machines first, while their memory is still free.
  ExitCode LoadAndMeasure(Communicator& world, const RunConfig& config, const JobSetup& setup,
                          FileSystem& files) {
    MachineRates rates;
    if (options_.bounds) rates = ProbeMachines(world, [&] { return ProbeRank(setup); });
    const auto progress = RankProgress::Make(world, config);
    if (!progress.ok()) return ExitWith(world, progress.status(), ExitCode::kCannotServe);
    const absl::StatusOr<std::unique_ptr<Session>> session =
        LoadSession(world, config, setup, files, (*progress)->progress());
    if (!session.ok()) return ExitWith(world, session.status(), ExitCode::kFailed);
    absl::Status status = AgreeOnStatus(world, BeginTrace((*session)->engine()));
    if (!status.ok()) return ExitWith(world, status, ExitCode::kFailed);
    Engine& engine = (*session)->engine();
    const ThroughputReport report =
        Measure(world, options_, config, setup, **session, std::move(rates), [&] {
          if (trace_ == nullptr) return;
          engine.SetOnRouting([this](StepRouting& step) { trace_->Add(step); });
        });
    if (world.rank() == 0) status = Print(report, files);
    if (trace_ != nullptr) status.Update(trace_->Close());
    status = AgreeOnStatus(world, status);
    return status.ok() ? ExitCode::kDone : ExitWith(world, status, ExitCode::kFailed);
  }

  // On rank 0.
  absl::Status Print(const ThroughputReport& report, FileSystem& files) const {
    std::cout << FormatThroughput(report);
    const std::string json = ThroughputJson(report);
    absl::Status status;
    if (saved_) {
      const absl::StatusOr<RunValues> values = ParseRunValues(json, "the report");
      OCTET_CHECK(values.ok()) << std::string(values.status().message());
      std::cout << CompareRuns(*values, *saved_);
    }
    std::cout << std::flush;
    if (!output_json_.empty()) status.Update(WriteResultFile(files, output_json_, json));
    const std::string& directory = report.config.report();
    if (!directory.empty()) {
      status.Update(files.MakeDirectories(directory));
      status.Update(WriteReport(report.run, directory, files));
    }
    if (!report.right) status.Update(absl::InternalError("answers differ from the warm-up's"));
    return status;
  }

  RunConfigFlags flags_;
  ThroughputOptions options_;
  std::string output_json_;
  std::string compare_;
  std::optional<SavedRun> saved_;         // on rank 0, if one was requested
  std::unique_ptr<RoutingLoad> routing_;  // if the router does not choose
  std::unique_ptr<TraceFile> trace_;      // on rank 0, if one was requested
};

}  // namespace

std::unique_ptr<Subcommand> AddBenchThroughput(CommandLine& bench) {
  return std::make_unique<BenchThroughputCommand>(bench);
}

}  // namespace octet
