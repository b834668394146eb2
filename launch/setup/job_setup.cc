#include "launch/setup/job_setup.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <xxhash.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "kernels/base/activity.h"
#include "launch/settings/home_flags.h"
#include "launch/setup/core_binding.h"
#include "launch/setup/engine_choice.h"
#include "launch/setup/live_moves.h"
#include "launch/setup/model_choice.h"
#include "launch/setup/placement_choice.h"
#include "launch/setup/placement_file.h"
#include "launch/setup/thread_placement.h"
#include "parallel/transport/agreement.h"
#include "runtime/io/fingerprint.h"
#include "runtime/model/arithmetic_probe.h"

namespace octet {
namespace {

// Returns a number for the bytes of the running program, or why there is none.
std::string FingerprintOfProgram(FileSystem& files) {
  const absl::StatusOr<std::unique_ptr<RandomAccessFile>> program = files.Open("/proc/self/exe");
  if (!program.ok()) return std::string(program.status().message());
  constexpr uint64_t kPiece = uint64_t{1} << 20;
  std::vector<std::byte> piece(kPiece);
  uint64_t fingerprint = 0;
  for (uint64_t at = 0; at < (*program)->size(); at += kPiece) {
    const auto bytes = std::span(piece).first(std::min(kPiece, (*program)->size() - at));
    const absl::Status status = (*program)->Read(at, bytes);
    if (!status.ok()) return std::string(status.message());
    fingerprint = XXH3_64bits_withSeed(bytes.data(), bytes.size(), fingerprint);
    Activity::OfThisThread().Tick();
  }
  return ToHex(fingerprint);
}

// Returns all settings but the files that only rank 0 opens.
std::string SharedSettings(RunConfig config) {
  config.clear_input();
  config.clear_output();
  config.clear_report();
  config.clear_progress();
  config.clear_resume();
  config.clear_overwrite();
  config.clear_retry_failed();
  config.clear_verify();
  config.clear_metrics();
  return config.ShortDebugString();
}

absl::Status CheckTimeout(const Communicator& world, double seconds) {
  const auto hosts = world.hosts();
  const auto other = std::find_if(hosts.begin(), hosts.end(),
                                  [&](const std::string& host) { return host != hosts[0]; });
  if (other == hosts.end() || seconds >= kShortestRemoteTimeout) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--timeout ", seconds, ": at least ", kShortestRemoteTimeout, " s with ranks on ", hosts[0],
      " and ", *other, "; networks recover from interruptions of seconds, and the launcher needs ",
      "that long to find a host gone"));
}

// Collective. Returns OK if all ranks run this program with these settings.
absl::Status AgreeOnSettings(Communicator& world, const RunConfig& config, FileSystem& files) {
  absl::Status status = AgreeOnFacts(
      world, {{"program", FingerprintOfProgram(files)}, {"settings", SharedSettings(config)}});
  if (status.ok()) status = CheckKeepWeights(config);
  return status.ok() ? CheckTimeout(world, config.timeout()) : status;
}

// Collective. Returns the memory in which weights and sequences lie: that of hosts, or of devices.
// Sets what stays there of an earlier attempt.
absl::StatusOr<std::vector<HostMemory>> GatherMemory(Communicator& world, const RunConfig& config,
                                                     const ModelFiles& model,
                                                     const EngineOptions& options,
                                                     const ComputeDevice& device, FileSystem& files,
                                                     HostWeights& kept,
                                                     std::vector<std::string>& warnings) {
  if (device.cuda) return GatherDeviceMemory(world, *device.cuda);
  absl::StatusOr<HostWeights> opened =
      OpenHostWeights(world, config, model, options.dtype, files, warnings);
  if (!opened.ok()) return opened.status();
  kept = *std::move(opened);
  return GatherHostMemory(world, kept.bytes, files);
}

absl::StatusOr<ExpertPlacement> PlaceExperts(const RunConfig& config, FileSystem& files,
                                             PlacementShape shape, const MemoryNeeds& needs,
                                             const std::vector<HostMemory>& hosts) {
  return MakePlacement(files,
                       {.placement = config.placement(),
                        .replicas = config.replicas(),
                        .expert_counts = config.expert_counts()},
                       shape, [&]() -> absl::StatusOr<std::vector<int64_t>> {
                         absl::StatusOr<std::vector<int64_t>> rooms =
                             RoomForExperts(needs, hosts, config.memory(), shape.num_ranks);
                         if (!rooms.ok()) return rooms;
                         for (int64_t& room : *rooms) room -= SpareExperts(config, shape);
                         return rooms;
                       });
}

absl::StatusOr<MemoryPlan> PlanMemory(const Communicator& world, const RunConfig& config,
                                      const ModelFiles& model, const ExpertPlacement& placement,
                                      MemoryNeeds needs, std::vector<HostMemory> hosts) {
  needs.experts = CountExpertBytes(model.config, needs.formats, placement, world.size(),
                                   SpareExperts(config, placement.shape()));
  return PlanMemory(needs, std::move(hosts), config.memory());
}

void NoteIdleRanks(const ExpertPlacement& placement, std::vector<std::string>& warnings) {
  const std::vector<int> idle = placement.IdleRanks();
  if (!idle.empty()) warnings.push_back(DescribeIdleRanks(idle));
}

// Collective. Returns the same placement, or an error, on all ranks.
absl::StatusOr<ExpertPlacement> ChoosePlacement(Communicator& world, const RunConfig& config,
                                                FileSystem& files, PlacementShape shape,
                                                const MemoryNeeds& needs,
                                                const std::vector<HostMemory>& hosts,
                                                std::vector<std::string>& warnings) {
  absl::StatusOr<ExpertPlacement> placement = PlaceExperts(config, files, shape, needs, hosts);
  absl::Status status = AgreeOnStatus(world, placement.status());
  if (status.ok()) status = AgreeOnFacts(world, {{"placement", placement->ToString()}});
  if (!status.ok()) return status;
  NoteIdleRanks(*placement, warnings);
  return placement;
}

struct AgreedModel {
  ModelFiles files;
  std::string chat_template;  // JobSetup::chat_template
};

// Collective. Returns the same model, or an error, on all ranks.
absl::StatusOr<AgreedModel> OpenAgreedModel(Communicator& world, const RunConfig& config,
                                            FileSystem& files) {
  absl::StatusOr<ModelFiles> model = OpenModel(config, files);
  absl::Status status = AgreeOnStatus(world, model.status());
  if (status.ok()) status = AgreeOnFacts(world, {{"model", model->fingerprint}});
  if (!status.ok()) return status;
  absl::StatusOr<std::string> chat_template = UseChatTemplate(config, files, *model);
  status = AgreeOnStatus(world, chat_template.status());
  if (!status.ok()) return status;
  return AgreedModel{*std::move(model), *std::move(chat_template)};
}

// Collective. Returns the same fingerprint, or an error, on all ranks.
absl::StatusOr<uint64_t> AgreeOnArithmetic(Communicator& world, const ComputeDevice& device,
                                           const ModelFiles& model, DType dtype) {
  const std::unique_ptr<Backend> backend = device.MakeBackend(1);
  const std::vector<WeightFormat> quantised = model.tensors.QuantisedFormats();
  uint64_t fingerprint = FingerprintArithmetic(*backend, dtype, quantised);
  if (!backend->is_on_host()) fingerprint ^= FingerprintArithmetic(backend->host(), dtype, {});
  const absl::Status status =
      AgreeOnFacts(world, {{"arithmetic (another C library, or a processor that rounds otherwise; "
                            "--isa may name a path on which they agree)",
                            ToHex(fingerprint)}});
  if (!status.ok()) return status;
  return fingerprint;
}

void UseDevice(const ComputeDevice& device, EngineOptions& options) {
  options.is_on_host = !device.cuda;
  if (options.is_on_host || device.cuda->row_path == RowPath::kHosts) return;
  options.limits.decode_room = ChooseDecodeRoom(options.limits);
}

// Collective. Returns this rank's number of threads, and places them on their cores unless nothing
// will run.
int ChooseThreads(Communicator& world, const RunConfig& config, FileSystem& files,
                  std::vector<std::string>& warnings) {
  NoteBinding(world, config.threads(), files, warnings);
  return config.dry_run() ? CountThreads(world, config.threads())
                          : PlaceThreads(world, config.threads(), warnings);
}

}  // namespace

std::string JobSetup::NumericsClass() const {
  return absl::StrCat(NameOfFormats(model.tensors), "/", Name(engine.dtype), "/", device.path());
}

std::string DescribeSetup(const Communicator& world, const JobSetup& setup) {
  const int groups = world.size() / setup.engine.limits.group_size;
  return absl::StrCat(world.size(), world.size() == 1 ? " rank" : " ranks", " x ", setup.threads,
                      setup.threads == 1 ? " thread" : " threads",
                      groups > 1 ? absl::StrCat(" in ", groups, " groups") : "",
                      ", numerics class ", setup.NumericsClass());
}

absl::StatusOr<JobSetup> SetUpJob(Communicator& world, const RunConfig& config, FileSystem& files) {
  absl::Status status = AgreeOnSettings(world, config, files);
  if (!status.ok()) return status;
  world.watchdog().SetReportDirectory(config.report());
  absl::StatusOr<AgreedModel> agreed = OpenAgreedModel(world, config, files);
  if (!agreed.ok()) return agreed.status();
  ModelFiles& model = agreed->files;
  std::vector<std::string> warnings = model.warnings;
  absl::StatusOr<EngineOptions> options = ChooseEngineOptions(world, config, model);
  if (!options.ok()) return options.status();
  absl::StatusOr<ComputeDevice> device = ChooseComputeDevice(world, config, warnings);
  if (!device.ok()) return device.status();
  UseDevice(*device, *options);
  HostWeights host_weights;
  absl::StatusOr<std::vector<HostMemory>> hosts =
      GatherMemory(world, config, model, *options, *device, files, host_weights, warnings);
  if (!hosts.ok()) return hosts.status();
  const MemoryNeeds needs = CountMemoryNeeds(model, *options, config);
  absl::StatusOr<ExpertPlacement> placement = ChoosePlacement(
      world, config, files,
      {model.config.num_layers, model.config.num_experts, options->limits.group_size}, needs,
      *hosts, warnings);
  if (!placement.ok()) return placement.status();
  status = ChooseLiveMoves(config, *placement, options->rebalance);
  if (status.ok()) status = ChooseHomes(world, config, files, model, *options, warnings);
  if (!status.ok()) return status;
  const absl::StatusOr<SamplingDefaults> sampling = ChooseSampling(config, files, warnings);
  status = AgreeOnStatus(world, sampling.status());
  if (!status.ok()) return status;

  absl::StatusOr<uint64_t> arithmetic = AgreeOnArithmetic(world, *device, model, options->dtype);
  if (!arithmetic.ok()) return arithmetic.status();
  NoteFewTokens(config, options->limits, warnings);
  const int threads = ChooseThreads(world, config, files, warnings);
  absl::StatusOr<MemoryPlan> memory =
      PlanMemory(world, config, model, *placement, needs, *std::move(hosts));
  if (!memory.ok()) return memory.status();
  options->limits.pages = memory->pages;
  return JobSetup{.model = std::move(model),
                  .placement = *std::move(placement),
                  .device = *std::move(device),
                  .arithmetic = *arithmetic,
                  .threads = threads,
                  .engine = *std::move(options),
                  .memory = *std::move(memory),
                  .sampling = *sampling,
                  .chat_template = std::move(agreed->chat_template),
                  .warnings = std::move(warnings),
                  .host_weights = std::move(host_weights)};
}

}  // namespace octet
