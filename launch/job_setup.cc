#include "launch/job_setup.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <sched.h>

#include <algorithm>
#include <optional>

#include "kernels/cuda/cuda_runtime.h"
#include "parallel/agreement.h"
#include "parallel/collectives.h"
#include "runtime/fingerprint.h"

namespace octet {
namespace {

constexpr double kGiB = 1024.0 * 1024 * 1024;

std::string Hex(uint64_t value) { return absl::StrCat(absl::Hex(value, absl::kZeroPad16)); }

std::string FingerprintOfProgram(FileSystem& files) {
  const absl::StatusOr<std::string> program = files.ReadWhole("/proc/self/exe");
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
        absl::StrCat("--isa ", wanted, ": must be auto, avx2, avx512 or avx512_bf16"));
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

// The cores that this process may use, divided by the ranks of its host.
int ChooseThreads(const Communicator& comm, int wanted) {
  if (wanted > 0) return wanted;
  cpu_set_t cores;
  CPU_ZERO(&cores);
  sched_getaffinity(0, sizeof(cores), &cores);
  const auto hosts = comm.hosts();
  const auto ranks_here = std::count(hosts.begin(), hosts.end(), hosts[comm.rank()]);
  return std::max(1, CPU_COUNT(&cores) / std::max(1, static_cast<int>(ranks_here)));
}

absl::StatusOr<DType> ChooseDType(const std::string& wanted, const MixtralTensors& tensors) {
  if (wanted == "float32") return DType::kF32;
  if (wanted == "bfloat16") return DType::kBF16;
  if (wanted != "auto") {
    return absl::InvalidArgumentError(
        absl::StrCat("--dtype ", wanted, ": must be auto, float32 or bfloat16"));
  }
  return tensors.embed_tokens().dtype == DType::kBF16 ? DType::kBF16 : DType::kF32;
}

absl::StatusOr<EngineOptions> ChooseEngineOptions(const RunConfig& config, const ModelFiles& model,
                                                  int num_ranks) {
  absl::StatusOr<DType> dtype = ChooseDType(config.dtype(), model.tensors);
  if (!dtype.ok()) return dtype.status();
  const int64_t longest = model.config.max_position_embeddings;
  const int64_t max_model_len = config.max_model_len() > 0 ? config.max_model_len() : longest;
  if (max_model_len > longest) {
    return absl::InvalidArgumentError(
        absl::StrCat("--max-model-len ", max_model_len,
                     ": the model was made for max_position_embeddings ", longest));
  }
  const auto page_bytes = static_cast<double>(KvCache::PageBytes(model.config, *dtype));
  const auto affordable = static_cast<int64_t>(config.kv_cache_gib() * kGiB / page_bytes);
  const int64_t needed = KvCache::PagesFor(max_model_len);
  if (affordable < needed) {
    return absl::InvalidArgumentError(
        absl::StrCat("--kv-cache-gib ", config.kv_cache_gib(), ": one sequence of --max-model-len ",
                     max_model_len, " takes ", static_cast<double>(needed) * page_bytes / kGiB,
                     " GiB; raise the one or lower the other"));
  }
  EngineOptions options = {.dtype = *dtype, .max_model_len = max_model_len, .seed = config.seed()};
  options.limits = {.num_ranks = num_ranks,
                    .max_num_seqs = config.max_num_seqs(),
                    .max_num_batched_tokens = config.max_num_batched_tokens(),
                    .pages_per_rank = std::min(affordable, config.max_num_seqs() * needed)};
  return options;
}

absl::Status CheckDevice(const RunConfig& config) {
  if (config.device() == "cpu") return absl::OkStatus();
  if (config.device() == "cuda") {
    return absl::UnimplementedError(absl::StrCat(
        "--device cuda: this version computes on the CPU only (", DescribeCuda(), ")"));
  }
  return absl::InvalidArgumentError(absl::StrCat("--device ", config.device(), ": must be cpu"));
}

absl::StatusOr<ModelFiles> OpenModel(const RunConfig& config, FileSystem& files) {
  if (config.model().empty()) return absl::InvalidArgumentError("--model is missing");
  const absl::Status device = CheckDevice(config);
  if (!device.ok()) return device;
  return ModelFiles::Open(files, config.model());
}

}  // namespace

std::string JobSetup::NumericsClass() const {
  return absl::StrCat(Name(model.tensors.embed_tokens().dtype), "/", Name(engine.dtype), "/",
                      Name(isa));
}

absl::StatusOr<JobSetup> SetUpJob(Communicator& comm, const RunConfig& config, FileSystem& files) {
  absl::Status status = AgreeOnFacts(
      comm, {{"program", FingerprintOfProgram(files)}, {"settings", SharedSettings(config)}});
  if (!status.ok()) return status;

  absl::StatusOr<ModelFiles> model = OpenModel(config, files);
  status = AgreeOnStatus(comm, model.status());
  if (status.ok()) status = AgreeOnFacts(comm, {{"model", model->fingerprint}});
  if (!status.ok()) return status;

  const PlacementShape shape = {model->config.num_layers, model->config.num_experts, comm.size()};
  absl::StatusOr<ExpertPlacement> placement = ExpertPlacement::Parse(config.placement(), shape);
  absl::StatusOr<EngineOptions> options = ChooseEngineOptions(config, *model, comm.size());
  status = AgreeOnStatus(comm, placement.ok() ? options.status() : placement.status());
  if (status.ok()) status = AgreeOnFacts(comm, {{"placement", placement->ToString()}});
  if (!status.ok()) return status;

  std::vector<std::string> warnings = model->warnings;
  absl::StatusOr<Isa> isa = ChooseIsa(comm, config.isa(), warnings);
  if (!isa.ok()) return isa.status();
  if (config.max_num_batched_tokens() < config.max_num_seqs()) {
    warnings.push_back(absl::StrCat("--max-num-batched-tokens ", config.max_num_batched_tokens(),
                                    " lets no more than that many sequences run at a time"));
  }
  return JobSetup{.model = *std::move(model),
                  .placement = *std::move(placement),
                  .isa = *isa,
                  .threads = ChooseThreads(comm, config.threads()),
                  .engine = *options,
                  .warnings = std::move(warnings)};
}

}  // namespace octet
