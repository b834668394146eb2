#include "launch/bench/layer.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <iostream>

#include "launch/bench/layer_times.h"
#include "launch/bench/machine_facts.h"
#include "launch/bench/machine_profile.h"
#include "launch/console/console.h"
#include "launch/console/rank_progress.h"
#include "launch/settings/run_config.h"
#include "launch/setup/job_setup.h"
#include "launch/setup/job_start.h"
#include "launch/setup/load_session.h"
#include "launch/setup/session.h"
#include "launch/version.h"
#include "parallel/transport/agreement.h"
#include "runtime/model/kv_cache.h"

namespace octet {
namespace {

constexpr NumberRange<int64_t> kLayerRows = {4, 1 << 16};
constexpr NumberRange<int64_t> kLayerContexts = {32, 1 << 17};

struct LayerBenchOptions {
  int64_t max_sequences = 64;
  int64_t max_rows = 1024;
  int64_t context = 1024;
  std::string save;
  OldLayerTimes old_times = OldLayerTimes::kReplace;
};

ModelShape ShapeOf(const ModelConfig& config) {
  ModelShape shape;
  shape.set_hidden_size(config.hidden_size);
  shape.set_intermediate_size(config.intermediate_size);
  shape.set_heads(config.num_heads);
  shape.set_kv_heads(config.num_kv_heads);
  shape.set_head_dim(config.head_dim);
  shape.set_experts(config.num_experts);
  shape.set_experts_per_token(config.experts_per_token);
  shape.set_vocab_size(config.vocab_size);
  return shape;
}

void CountBytes(const ModelConfig& config, DType dtype, const ModelWeights& weights,
                LayerProfile& profile) {
  const LayerWeights& layer = weights.layers.front();
  size_t bytes = layer.o_proj.buffer.bytes() + layer.gate.buffer.bytes() +
                 layer.input_layernorm.size_bytes() + layer.post_attention_layernorm.size_bytes();
  for (const PackedMatrix& matrix : layer.qkv_proj) bytes += matrix.buffer.bytes();
  profile.set_layer_bytes(static_cast<int64_t>(bytes));
  profile.set_expert_bytes(static_cast<int64_t>(layer.experts.front()->bytes()));
  profile.set_head_bytes(static_cast<int64_t>(weights.lm_head.buffer.bytes()));
  profile.set_other_bytes(
      static_cast<int64_t>(weights.replicated_bytes() - bytes * weights.layers.size()));
  profile.set_position_bytes(static_cast<int64_t>(KvCache::PageBytes(config, dtype)) /
                             (kKvBlock * config.num_layers));
}

std::string FormatLayer(const LayerProfile& profile) {
  std::string text = absl::StrFormat("%d ranks at the same time, %d threads each; %s\n",
                                     profile.ranks(), profile.threads(), profile.numerics_class());
  for (const PartTime& t : profile.parts()) {
    absl::StrAppendFormat(&text, "%-15s %6d rows", t.part(), t.rows());
    if (t.positions_seen() > 0) {
      absl::StrAppendFormat(&text, " of %3d sequences, %8d positions", t.sequences(),
                            t.positions_seen());
    } else if (t.experts() > 0) {
      absl::StrAppendFormat(&text, " of %3d experts", t.experts());
    }
    absl::StrAppendFormat(&text, "  %12.1f us\n", t.seconds() * 1e6);
  }
  return text;
}

class BenchLayerCommand : public Subcommand {
 public:
  explicit BenchLayerCommand(CommandLine& bench)
      : Subcommand(bench, "layer", "the parts of a model's layer, for octet replay"),
        flags_(line()) {
    line().AddCount("--sequences", options_.max_sequences, {1, 1 << 16},
                    "the most that decode together; default 64");
    line().AddCount("--rows", options_.max_rows, kLayerRows,
                    "the most tokens of a prompt at a time; default 1024");
    line().AddCount("--context", options_.context, kLayerContexts,
                    "tokens behind which sequences go on, beside 31; default 1024");
    line().AddText("--save", options_.save, "machine profile (text proto or .json) to write to");
    line().OnSwitch(
        "--add", [this] { options_.old_times = OldLayerTimes::kKeep; },
        "keep the times that the profile has of this layer: medians over all calls count");
    flags_.AddSeed("of random weights");
    flags_.AddRandomWeightsFlags();
  }

  ExitCode Run(Communicator& world) override {
    absl::StatusOr<RunConfig> config = ResolveOnAllRanks(world, flags_);
    if (!config.ok()) return ExitWith(world, config.status(), ExitCode::kCannotServe);
    cases_ = LayerCases(options_.max_sequences, options_.max_rows, options_.context);
    LimitSteps(*config);
    PosixFileSystem files;
    const auto check = [&](const JobSetup& setup) {
      if (setup.device.cuda) {
        return absl::InvalidArgumentError("bench layer measures processors, not --device cuda");
      }
      const bool saves = world.rank() == 0 && !options_.save.empty();
      return saves ? CheckCanUpdate(files, options_.save) : absl::OkStatus();
    };
    const absl::StatusOr<JobSetup> setup = SetUpAndReport(world, *config, files, check);
    if (!setup.ok()) return ExitWith(world, setup.status(), ExitCode::kCannotServe);
    if (config->dry_run()) return ExitCode::kDone;
    return LoadAndMeasure(world, *config, *setup, files);
  }

 private:
  // Each rank has all experts, and room for the cases.
  void LimitSteps(RunConfig& config) const {
    config.set_expert_parallel("off");
    config.set_ep_size(1);
    config.set_max_num_seqs(static_cast<int32_t>(options_.max_sequences));
    config.set_max_num_batched_tokens(static_cast<int32_t>(MostTokens(cases_)));
    config.set_max_model_len(static_cast<int32_t>(MostPositions(cases_)));
  }

  ExitCode LoadAndMeasure(Communicator& world, const RunConfig& config, const JobSetup& setup,
                          FileSystem& files) {
    const auto progress = RankProgress::Make(world, config);
    if (!progress.ok()) return ExitWith(world, progress.status(), ExitCode::kCannotServe);
    const absl::StatusOr<std::unique_ptr<Session>> session =
        LoadSession(world, config, setup, files, (*progress)->progress());
    if (!session.ok()) return ExitWith(world, session.status(), ExitCode::kFailed);
    const ModelWeights& weights = (*session)->weights();
    MachineProfile fresh;
    LayerProfile& layer = *fresh.add_layers();
    *layer.mutable_shape() = ShapeOf(setup.model.config);
    layer.set_version(OctetVersion());
    layer.set_numerics_class(setup.NumericsClass());
    layer.set_cpu_model(CpuModels(world, files));
    layer.set_ranks(world.size() / CountHosts(world));
    layer.set_threads(setup.threads);
    CountBytes(setup.model.config, setup.engine.dtype, weights, layer);
    MeasureLayer(world, setup, weights, cases_, layer);
    absl::Status status;
    if (world.rank() == 0) {
      std::cout << FormatLayer(layer) << std::flush;
      if (!options_.save.empty())
        status = UpdateMachineProfile(files, options_.save, fresh, options_.old_times);
    }
    status = AgreeOnStatus(world, status);
    return status.ok() ? ExitCode::kDone : ExitWith(world, status, ExitCode::kFailed);
  }

  RunConfigFlags flags_;
  LayerBenchOptions options_;
  std::vector<LayerCase> cases_;
};

}  // namespace

std::unique_ptr<Subcommand> AddBenchLayer(CommandLine& bench) {
  return std::make_unique<BenchLayerCommand>(bench);
}

}  // namespace octet
