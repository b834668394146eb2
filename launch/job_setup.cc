#include "launch/job_setup.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "kernels/cpu/numa.h"
#include "kernels/cuda/cuda_runtime.h"
#include "launch/core_binding.h"
#include "launch/placement_file.h"
#include "parallel/agreement.h"
#include "parallel/collectives.h"
#include "runtime/io/fingerprint.h"
#include "runtime/io/strict_json.h"
#include "runtime/model/arithmetic_probe.h"
#include "runtime/model/random_weights.h"

namespace octet {
namespace {

std::string Hex(uint64_t value) { return absl::StrCat(absl::Hex(value, absl::kZeroPad16)); }

constexpr size_t kMostProgramBytes = size_t{4} << 30;

std::string FingerprintOfProgram(FileSystem& files) {
  const absl::StatusOr<std::string> program = files.ReadWhole("/proc/self/exe", kMostProgramBytes);
  if (!program.ok()) return std::string(program.status().message());
  Fingerprint fingerprint;
  fingerprint.Add(std::as_bytes(std::span(*program)));
  return Hex(fingerprint.value());
}

// All settings but the files that only rank 0 opens.
std::string SharedSettings(RunConfig config) {
  config.clear_input();
  config.clear_output();
  config.clear_report();
  config.clear_progress();
  config.clear_resume();
  config.clear_overwrite();
  config.clear_verify();
  return config.ShortDebugString();
}

// Collective: the best path that every rank has, or the one that was asked for.
absl::StatusOr<Isa> ChooseIsa(Communicator& comm, const std::string& wanted,
                              std::vector<std::string>& warnings) {
  const std::vector<Isa> mine = SupportedIsas();
  absl::Status status;
  if (mine.empty()) status = absl::UnimplementedError("this processor has no AVX2 with FMA");
  const std::optional<Isa> named = ParseIsa(wanted);
  if (wanted != "auto" && !named) {
    status = absl::InvalidArgumentError(
        absl::StrCat("--isa ", Quoted(wanted), ": must be auto, avx2, avx512, avx512_bf16 or amx"));
  } else if (named && std::find(mine.begin(), mine.end(), *named) == mine.end()) {
    status = absl::FailedPreconditionError(
        absl::StrCat("--isa ", wanted, ": this processor does not have it; its best is ",
                     mine.empty() ? "none" : Name(mine.back())));
  }
  status = AgreeOnStatus(comm, status);
  if (!status.ok()) return status;
  if (named) return *named;
  const std::vector<std::string> all = AllGather(comm, {"instruction path"}, Name(mine.back()));
  Isa best = mine.back();
  for (const std::string& name : all) best = std::min(best, *ParseIsa(name));
  for (int r = 0; r < comm.size(); ++r) {
    if (all[r] == Name(best)) continue;
    warnings.push_back(absl::StrCat("rank ", r, " on ", comm.hosts()[r], " could use ", all[r],
                                    "; all ranks use ", Name(best)));
  }
  return best;
}

// The cores that this process may use, and its place among the ranks of its host that may use the
// same ones. A launcher that has bound each rank to cores of its own has divided them already.
struct SharedCores {
  int num_cores;
  int index;  // of this rank
  int num_ranks;

  int threads(int wanted) const { return wanted > 0 ? wanted : std::max(1, num_cores / num_ranks); }
};

// Collective.
SharedCores FindSharedCores(Communicator& world) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  const bool known = sched_getaffinity(0, sizeof(cores), &cores) == 0;
  const std::string_view mask(reinterpret_cast<const char*>(&cores), sizeof(cores));
  const std::string mine = absl::StrCat(world.hosts()[world.rank()], " ", std::string(mask));
  const std::vector<std::string> all = AllGather(world, {"cores"}, mine);
  const auto me = all.begin() + world.rank();
  return {.num_cores = known ? CPU_COUNT(&cores) : static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)),
          .index = static_cast<int>(std::count(all.begin(), me, mine)),
          .num_ranks = static_cast<int>(std::count(all.begin(), all.end(), mine))};
}

// Left to the system, threads move away from the memory that they use.
void PlaceOnNumaNodes(const SharedCores& cores, int threads, std::vector<std::string>& warnings) {
  const NumaTopology topology;
  if (topology.num_nodes() <= 1) return;
  const NumaShare share = topology.Divide(cores.index, cores.num_ranks);
  if (threads > std::ssize(share.cores)) return;  // more were asked for
  if (!topology.Bind(share)) {
    warnings.emplace_back("the system refuses to keep threads and memory on the same NUMA nodes");
  }
}

absl::StatusOr<int> ChooseGroupSize(const RunConfig& config, int num_ranks) {
  const int size = config.ep_size() > 0 ? config.ep_size() : num_ranks;
  if (num_ranks % size == 0) return size;
  return absl::InvalidArgumentError(absl::StrCat(
      "--ep-size ", size, ": ", num_ranks, " ranks can't be divided into groups of that size"));
}

// All but the pages of the KV cache.
absl::StatusOr<EngineOptions> ChooseEngineOptions(const RunConfig& config, const ModelFiles& model,
                                                  int num_ranks) {
  absl::StatusOr<DType> dtype = ChooseDType(config.dtype(), model.tensors);
  if (!dtype.ok()) return dtype.status();
  const absl::StatusOr<int> group_size = ChooseGroupSize(config, num_ranks);
  if (!group_size.ok()) return group_size.status();
  const int64_t longest = model.config.max_position_embeddings;
  const int64_t max_model_len = config.max_model_len() > 0 ? config.max_model_len() : longest;
  if (max_model_len > longest) {
    return absl::InvalidArgumentError(
        absl::StrCat("--max-model-len ", max_model_len,
                     ": the model was made for max_position_embeddings ", longest));
  }
  const int64_t max_num_batched_tokens = config.max_num_batched_tokens() > 0
                                             ? config.max_num_batched_tokens()
                                             : std::max(512, 256 * *group_size);
  EngineOptions options = {.dtype = *dtype, .max_model_len = max_model_len, .seed = config.seed()};
  options.limits = {.max_num_seqs = config.max_num_seqs(),
                    .max_num_batched_tokens = max_num_batched_tokens,
                    .group_size = *group_size};
  return options;
}

// Fewer tokens of an expert at a time would leave its cores waiting for its weights, which are read
// for each micro-batch.
constexpr int64_t kMinExpertRows = 32;

bool SpansHosts(const Communicator& world, int group_size) {
  const std::span<const std::string> hosts = world.hosts();
  for (int r = 0; r < world.size(); ++r) {
    if (hosts[r] != hosts[r - r % group_size]) return true;
  }
  return false;
}

// SchedulerLimits::overlap_tokens. What stays on a host is a copy, which somebody must make: there
// is nothing to hide.
int64_t ChooseOverlap(const Communicator& world, const std::string& wanted, int group_size,
                      const ModelConfig& model) {
  if (wanted == "on") return 1;
  if (wanted == "off" || !SpansHosts(world, group_size)) return 0;
  return kMaxMicroBatches * kMinExpertRows * model.num_experts / model.experts_per_token;
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

absl::Status CheckDevice(const RunConfig& config) {
  if (config.device() == "cpu") return absl::OkStatus();
  if (config.device() == "cuda") {
    return absl::UnimplementedError(absl::StrCat(
        "--device cuda: this version computes on the CPU only (", DescribeCuda(), ")"));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--device ", Quoted(config.device()), ": must be cpu"));
}

// Of a model whose weights are made: a published one's, or that of a directory's config.json.
absl::StatusOr<ModelConfig> ChooseShape(const RunConfig& config, FileSystem& files) {
  if (config.shape().empty() == config.model().empty()) {
    return absl::InvalidArgumentError("--random-weights takes its shape from --shape or --model");
  }
  absl::StatusOr<ModelConfig> shape =
      config.shape().empty() ? LoadModelConfig(files, config.model()) : FindShape(config.shape());
  if (!shape.ok() || config.layers() == 0) return shape;
  if (config.layers() > shape->num_layers) {
    return absl::InvalidArgumentError(
        absl::StrCat("--layers ", config.layers(), ": the model has ", shape->num_layers));
  }
  shape->num_layers = config.layers();
  return shape;
}

absl::StatusOr<ModelFiles> OpenModel(const RunConfig& config, FileSystem& files) {
  const absl::Status device = CheckDevice(config);
  if (!device.ok()) return device;
  if (config.random_weights()) {
    const absl::StatusOr<ModelConfig> shape = ChooseShape(config, files);
    if (!shape.ok()) return shape.status();
    return MakeRandomModel(*shape, config.seed());
  }
  if (config.model().empty()) return absl::InvalidArgumentError("--model is missing");
  return ModelFiles::Open(files, config.model());
}

// Of a batch job, unless --generation-config says that the model's file has no say.
absl::StatusOr<SamplingDefaults> ChooseSampling(const RunConfig& config, FileSystem& files,
                                                std::vector<std::string>& warnings) {
  if (config.generation_config() != "auto") return SamplingDefaults();
  const absl::StatusOr<GenerationDefaults> defaults = LoadGenerationDefaults(files, config.model());
  if (!defaults.ok()) return defaults.status();
  if (!defaults->stated.empty()) {
    warnings.push_back(absl::StrCat("generation_config.json sets ", defaults->stated,
                                    " for requests that don't state them; --generation-config none "
                                    "ignores it"));
  }
  return defaults->sampling;
}

// Puts the template of --chat-template in place of the model's. Gives its fingerprint; an empty
// text where none is asked for.
absl::StatusOr<std::string> UseChatTemplate(const RunConfig& config, FileSystem& files,
                                            ModelFiles& model) {
  if (config.chat_template().empty()) return std::string();
  if (model.tokenizer == nullptr) {
    return absl::InvalidArgumentError("--chat-template: the model has no tokenizer");
  }
  const absl::StatusOr<std::string> source = files.ReadWhole(config.chat_template());
  absl::StatusOr<ChatTemplates> chat = source.status();
  if (source.ok()) {
    chat = ChatTemplates::FromSource(*source, config.chat_template(), *model.tokenizer);
  }
  if (!chat.ok()) {
    return absl::Status(chat.status().code(),
                        absl::StrCat("--chat-template ", std::string(chat.status().message())));
  }
  model.chat = std::make_unique<ChatTemplates>(*std::move(chat));
  Fingerprint fingerprint;
  fingerprint.Add(std::as_bytes(std::span(*source)));
  return Hex(fingerprint.value());
}

absl::StatusOr<ExpertPlacement> ChoosePlacement(const RunConfig& config, FileSystem& files,
                                                PlacementShape shape, const MemoryNeeds& needs,
                                                const std::vector<HostMemory>& hosts) {
  if (config.placement() != kByMemory) return ReadPlacement(files, config.placement(), shape);
  const absl::StatusOr<std::vector<int64_t>> rooms =
      RoomForExperts(needs, hosts, config.memory(), shape.num_ranks);
  if (!rooms.ok()) return rooms.status();
  return ExpertPlacement::ByRoom(shape, *rooms);
}

void NoteFewTokens(const RunConfig& config, const SchedulerLimits& limits,
                   std::vector<std::string>& warnings) {
  if (limits.max_num_batched_tokens < config.max_num_seqs()) {
    warnings.push_back(absl::StrCat("--max-num-batched-tokens ", limits.max_num_batched_tokens,
                                    " lets no more than that many sequences run at a time"));
  }
}

// Collective: the same fingerprint on all ranks, or an error.
absl::StatusOr<uint64_t> AgreeOnArithmetic(Communicator& world, Isa isa, DType dtype) {
  const uint64_t fingerprint = FingerprintArithmetic(*MakeCpuBackend(isa, 1), dtype);
  const absl::Status status =
      AgreeOnFacts(world, {{"arithmetic (another C library, or a processor that rounds otherwise; "
                            "--isa may name a path on which they agree)",
                            Hex(fingerprint)}});
  if (!status.ok()) return status;
  return fingerprint;
}

void NoteIdleRanks(const ExpertPlacement& placement, std::vector<std::string>& warnings) {
  const std::vector<int> idle = placement.IdleRanks();
  if (!idle.empty()) warnings.push_back(DescribeIdleRanks(idle));
}

}  // namespace

int CountThreads(Communicator& world, int wanted) { return FindSharedCores(world).threads(wanted); }

int PlaceThreads(Communicator& world, int wanted, std::vector<std::string>& warnings) {
  const SharedCores cores = FindSharedCores(world);
  const int threads = cores.threads(wanted);
  PlaceOnNumaNodes(cores, threads, warnings);
  return threads;
}

absl::StatusOr<DType> ChooseDType(const std::string& wanted, const MixtralTensors& tensors) {
  if (wanted == "float32") return DType::kF32;
  if (wanted == "bfloat16") return DType::kBF16;
  if (wanted != "auto") {
    return absl::InvalidArgumentError(
        absl::StrCat("--dtype ", Quoted(wanted), ": must be auto, float32 or bfloat16"));
  }
  return tensors.embed_tokens().dtype == DType::kBF16 ? DType::kBF16 : DType::kF32;
}

std::string JobSetup::NumericsClass() const {
  return absl::StrCat(Name(model.tensors.embed_tokens().dtype), "/", Name(engine.dtype), "/",
                      Name(isa));
}

std::string DescribeSetup(const Communicator& world, const JobSetup& setup) {
  const int groups = world.size() / setup.engine.limits.group_size;
  return absl::StrCat(world.size(), world.size() == 1 ? " rank" : " ranks", " x ", setup.threads,
                      setup.threads == 1 ? " thread" : " threads",
                      groups > 1 ? absl::StrCat(" in ", groups, " groups") : "",
                      ", numerics class ", setup.NumericsClass());
}

absl::StatusOr<JobSetup> SetUpJob(Communicator& world, const RunConfig& config, FileSystem& files) {
  absl::Status status = AgreeOnFacts(
      world, {{"program", FingerprintOfProgram(files)}, {"settings", SharedSettings(config)}});
  if (status.ok()) status = CheckTimeout(world, config.timeout());
  if (!status.ok()) return status;
  world.watchdog().SetReportDirectory(config.report());

  absl::StatusOr<ModelFiles> model = OpenModel(config, files);
  status = AgreeOnStatus(world, model.status());
  if (status.ok()) status = AgreeOnFacts(world, {{"model", model->fingerprint}});
  if (!status.ok()) return status;

  absl::StatusOr<std::string> chat_template = UseChatTemplate(config, files, *model);
  status = AgreeOnStatus(world, chat_template.status());
  if (!status.ok()) return status;

  absl::StatusOr<EngineOptions> options = ChooseEngineOptions(config, *model, world.size());
  if (!options.ok()) return options.status();
  SchedulerLimits& limits = options->limits;
  limits.overlap_tokens = ChooseOverlap(world, config.overlap(), limits.group_size, model->config);
  const PlacementShape shape = {model->config.num_layers, model->config.num_experts,
                                limits.group_size};
  absl::StatusOr<std::vector<HostMemory>> hosts = GatherHostMemory(world, files);
  if (!hosts.ok()) return hosts.status();
  MemoryNeeds needs = CountMemoryNeeds(*model, *options, config);
  absl::StatusOr<ExpertPlacement> placement = ChoosePlacement(config, files, shape, needs, *hosts);
  status = AgreeOnStatus(world, placement.status());
  if (status.ok()) status = AgreeOnFacts(world, {{"placement", placement->ToString()}});
  if (!status.ok()) return status;

  std::vector<std::string> warnings = model->warnings;
  NoteIdleRanks(*placement, warnings);
  const absl::StatusOr<SamplingDefaults> sampling = ChooseSampling(config, files, warnings);
  status = AgreeOnStatus(world, sampling.status());
  if (!status.ok()) return status;
  absl::StatusOr<Isa> isa = ChooseIsa(world, config.isa(), warnings);
  if (!isa.ok()) return isa.status();
  const absl::StatusOr<uint64_t> arithmetic = AgreeOnArithmetic(world, *isa, options->dtype);
  if (!arithmetic.ok()) return arithmetic.status();
  NoteFewTokens(config, limits, warnings);
  NoteBinding(world, config.threads(), files, warnings);
  const int threads = config.dry_run() ? CountThreads(world, config.threads())
                                       : PlaceThreads(world, config.threads(), warnings);
  needs.experts = CountExpertBytes(model->config, *placement, options->dtype, world.size());
  absl::StatusOr<MemoryPlan> memory = PlanMemory(needs, *std::move(hosts), config.memory());
  if (!memory.ok()) return memory.status();
  limits.pages = memory->pages;
  return JobSetup{.model = *std::move(model),
                  .placement = *std::move(placement),
                  .isa = *isa,
                  .arithmetic = *arithmetic,
                  .threads = threads,
                  .engine = *std::move(options),
                  .memory = *std::move(memory),
                  .sampling = *sampling,
                  .chat_template = *std::move(chat_template),
                  .warnings = std::move(warnings)};
}

}  // namespace octet
