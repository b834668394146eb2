#include "launch/setup/engine_choice.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <span>

#include "launch/settings/speculation.h"
#include "runtime/engine/model_runner.h"
#include "runtime/io/strict_json.h"
#include "runtime/model/mixtral.h"

namespace octet {
namespace {

// The least tokens of an expert in a micro-batch. With fewer, cores wait for its weights, which
// each micro-batch reads.
constexpr int64_t kMinExpertRows = 32;

bool SpansHosts(std::span<const std::string> hosts, int group_size) {
  for (int r = 0; r < std::ssize(hosts); ++r) {
    if (hosts[r] != hosts[r - r % group_size]) return true;
  }
  return false;
}

}  // namespace

int64_t ChooseOverlap(std::span<const std::string> hosts, const std::string& wanted, int group_size,
                      int num_experts, int topk) {
  if (wanted == "on") return 1;
  if (wanted == "off" || !SpansHosts(hosts, group_size)) return 0;
  return kMaxMicroBatches * kMinExpertRows * num_experts / topk;
}

absl::StatusOr<int> ChooseGroupSize(int ep_size, int num_ranks) {
  const int size = ep_size > 0 ? ep_size : num_ranks;
  if (num_ranks % size == 0) return size;
  return absl::InvalidArgumentError(absl::StrCat(
      "--ep-size ", size, ": ", num_ranks, " ranks can't be divided into groups of that size"));
}

int64_t ChooseBatchedTokens(int64_t wanted, int group_size) {
  return wanted > 0 ? wanted : kBatchedTokensOfRank * std::max(2, group_size);
}

absl::StatusOr<DType> ChooseDType(const std::string& wanted, const MixtralTensors& tensors) {
  if (wanted == "float32") return DType::kF32;
  if (wanted == "bfloat16") return DType::kBF16;
  if (wanted != "auto") {
    return absl::InvalidArgumentError(
        absl::StrCat("--dtype ", Quoted(wanted), ": must be auto, float32 or bfloat16"));
  }
  const WeightFormat format = tensors.embed_tokens().format;
  const bool is_narrow = format == WeightFormat::kBF16 || !tensors.QuantisedFormats().empty();
  return is_narrow ? DType::kBF16 : DType::kF32;
}

absl::StatusOr<EngineOptions> ChooseEngineOptions(const Communicator& world,
                                                  const RunConfig& config,
                                                  const ModelFiles& model) {
  absl::StatusOr<DType> dtype = ChooseDType(config.dtype(), model.tensors);
  if (!dtype.ok()) return dtype.status();
  const absl::StatusOr<int> group_size = ChooseGroupSize(config.ep_size(), world.size());
  if (!group_size.ok()) return group_size.status();
  const int64_t longest = model.config.max_position_embeddings;
  const int64_t max_model_len = config.max_model_len() > 0 ? config.max_model_len() : longest;
  if (max_model_len > longest) {
    return absl::InvalidArgumentError(
        absl::StrCat("--max-model-len ", max_model_len,
                     ": the model was made for max_position_embeddings ", longest));
  }
  const absl::StatusOr<DraftLimits> drafts = ChooseDrafts(config, model.config);
  if (!drafts.ok()) return drafts.status();
  const std::vector<ExpertFormats> formats = FormatsOfExperts(model.tensors, model.config, *dtype);
  EngineOptions options = {.dtype = *dtype,
                           .quantised_experts = HasQuantised(formats),
                           .row_dtype = RowType(formats, *dtype),
                           .max_model_len = max_model_len,
                           .seed = config.seed(),
                           .replica_policy = *ParseReplicaPolicy(config.replica_policy()),
                           .record_routing = !config.trace().empty(),
                           .return_routed_experts = config.return_routed_experts()};
  options.limits = {
      .max_num_seqs = config.max_num_seqs(),
      .max_num_batched_tokens = ChooseBatchedTokens(config.max_num_batched_tokens(), *group_size),
      .group_size = *group_size,
      .overlap_tokens = ChooseOverlap(world.hosts(), config.overlap(), *group_size,
                                      model.config.num_experts, model.config.experts_per_token),
      .prefix_cache = config.prefix_cache() == "on",
      .drafts = *drafts};
  return options;
}

int64_t ChooseDecodeRoom(const SchedulerLimits& limits) {
  constexpr int64_t kMostTokens = 256;  // of all ranks of a group: more rows travel for nothing
  const int64_t of_group = std::min(kMostTokens, limits.max_num_batched_tokens);
  return std::min({of_group / limits.group_size, limits.SlotsOf(0), ModelRunner::kLogitRows});
}

void NoteFewTokens(const RunConfig& config, const SchedulerLimits& limits,
                   std::vector<std::string>& warnings) {
  if (limits.max_num_batched_tokens < config.max_num_seqs()) {
    warnings.push_back(absl::StrCat("--max-num-batched-tokens ", limits.max_num_batched_tokens,
                                    " lets no more than that many sequences run at a time"));
  }
}

}  // namespace octet
