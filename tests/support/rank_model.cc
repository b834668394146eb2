#include "tests/support/rank_model.h"

#include <algorithm>
#include <numeric>
#include <optional>

#include "kernels/cpu/make_cpu_backend.h"
#include "parallel/transport/own_rows.h"
#include "tests/support/local_ranks.h"

namespace octet {
namespace {

PlacementShape Shape(const ModelConfig& config, int num_ranks) {
  return {config.num_layers, config.num_experts, num_ranks};
}

template <class T>
T ValueOrDie(absl::StatusOr<T> value) {
  OCTET_CHECK(value.ok()) << value.status();
  return *std::move(value);
}

std::unique_ptr<Backend> MakeBackend(const RankModelOptions& options) {
  return options.make_backend ? options.make_backend()
                              : MakeCpuBackend(options.isa, options.threads);
}

ModelWeights LoadOrDie(const ModelFiles& files, const ExpertPlacement& placement, int rank,
                       Backend& backend, DType dtype) {
  return ValueOrDie(LoadWeightsAlone(files.tensors, files.config, placement, rank, backend, dtype));
}

}  // namespace

RankModel::RankModel(Communicator& comm, const ModelFiles& files, const RankModelOptions& options,
                     RoutingHooks hooks)
    : config_(files.config),
      backend_(MakeBackend(options)),
      workspace_([this](size_t bytes) { return backend_->Allocate(bytes); }),
      context_{*backend_, workspace_, clock_, options.dtype},
      placement_(
          ValueOrDie(ExpertPlacement::Parse(options.placement, Shape(files.config, comm.size())))),
      weights_(LoadOrDie(files, placement_, comm.rank(), *backend_, options.dtype)),
      kv_cache_(*backend_, config_, options.dtype, KvCache::PagesFor(options.max_tokens)),
      model_(context_, {config_, weights_, kv_cache_, placement_, comm},
             {.max_tokens = options.max_tokens, .max_positions = options.max_tokens},
             std::move(hooks)) {}

std::vector<float> RankModel::Logits(const std::vector<int32_t>& tokens, int64_t chunk,
                                     int64_t num_chunks) {
  std::vector<float> all;
  std::vector<int32_t> pages(kv_cache_.num_pages());
  std::iota(pages.begin(), pages.end(), 0);
  int64_t position = 0;
  for (int64_t i = 0; i < num_chunks; ++i) {
    const int64_t end = std::min(position + chunk, std::ssize(tokens));
    Batch batch;
    if (end > position) {
      batch.spans.push_back(
          {.first_row = 0, .num_rows = end - position, .start_pos = position, .pages = pages});
      batch.lines.push_back(0);
    }
    for (; position < end; ++position) {
      batch.logit_rows.push_back(static_cast<int32_t>(batch.num_tokens()));
      batch.tokens.push_back(tokens[position]);
      batch.positions.push_back(static_cast<int32_t>(position));
    }
    const Workspace::Scope scope(workspace_);
    const ConstMatrix logits = model_.Logits(model_.Forward(batch));
    const size_t before = all.size();
    all.resize(before + logits.rows * logits.cols);
    auto* const to = reinterpret_cast<std::byte*>(all.data() + before);
    backend_->CopyToHost(logits, {to, DType::kF32, logits.rows, logits.cols, logits.cols});
    backend_->Synchronize();
  }
  OCTET_CHECK_EQ(position, std::ssize(tokens));
  return all;
}

absl::StatusOr<ModelWeights> LoadWeightsAlone(const MixtralTensors& tensors,
                                              const ModelConfig& config,
                                              const ExpertPlacement& placement, int rank,
                                              Backend& backend, DType dtype,
                                              const LoadProgress& progress) {
  Buffer memory = backend.Allocate(ReplicatedMemoryBytes(tensors, config, dtype));
  return LoadWeights(tensors, config, placement, rank, {.buffer = std::move(memory)}, backend,
                     dtype, progress);
}

ModelFiles OpenModelOrDie(FileSystem& files, const std::string& directory) {
  return ValueOrDie(ModelFiles::Open(files, directory));
}

std::vector<FinishedSequence> RunEngine(int num_ranks, const ModelFiles& files,
                                        const RankModelOptions& options,
                                        const SchedulerLimits& limits,
                                        const std::vector<NewSequence>& requests,
                                        std::vector<std::string>* notes, SchedulerStats* stats) {
  std::vector<FinishedSequence> finished;
  const int ep_size = options.ep_size > 0 ? options.ep_size : num_ranks;
  EngineOptions engine_options = {
      .dtype = options.dtype, .limits = limits, .max_model_len = options.max_tokens};
  engine_options.limits.group_size = ep_size;
  engine_options.is_on_host = options.make_backend == nullptr;
  const auto formats = FormatsOfExperts(files.tensors, files.config, options.dtype);
  engine_options.quantised_experts = HasQuantised(formats);
  engine_options.row_dtype = RowType(formats, options.dtype);
  engine_options.rebalance = options.rebalance;
  engine_options.record_routing = options.on_routing != nullptr;
  engine_options.return_routed_experts = options.return_routed_experts;
  engine_options.override_experts = options.override_experts;
  if (limits.pages.size() == 1) engine_options.limits.pages.assign(num_ranks, limits.pages[0]);
  const auto placement =
      ValueOrDie(ExpertPlacement::Parse(options.placement, Shape(files.config, ep_size)));
  RunLocalRanks(HostsInTurn(num_ranks, options.hosts), [&](Communicator& comm) {
    const auto group = comm.MakeGroup(ep_size);
    const auto backend = MakeBackend(options);
    ModelWeights weights = LoadOrDie(files, placement, group->rank(), *backend, options.dtype);
    std::optional<OwnRows> rows;
    if (options.own_rows) rows.emplace(*backend);
    Engine engine({comm, *group, rows ? &*rows : nullptr}, *backend,
                  {files.config, weights, placement, files.tokenizer.get(), files.tensors},
                  engine_options);
    std::vector<FinishedSequence> mine;
    if (comm.rank() == 0) {
      engine.SetOnRouting(options.on_routing);
      for (const NewSequence& request : requests) engine.Submit(request);
      engine.Close();
    }
    int step = 0;
    do {
      if (comm.rank() == 0) options.before_step(engine, step++);
    } while (engine.Step(mine));
    if (comm.rank() == 0) finished = std::move(mine);
    if (comm.rank() == 0 && notes != nullptr) *notes = engine.TakeNotes();
    if (comm.rank() == 0 && stats != nullptr) *stats = engine.scheduler_stats();
  });
  std::sort(finished.begin(), finished.end(),
            [](const auto& a, const auto& b) { return a.id() < b.id(); });
  return finished;
}

NewSequence GreedyRequest(int64_t id, const std::vector<int32_t>& prompt, int max_tokens) {
  NewSequence request;
  request.set_id(id);
  request.set_line(id);
  request.mutable_prompt_ids()->Add(prompt.begin(), prompt.end());
  request.mutable_params()->set_max_tokens(max_tokens);
  request.mutable_params()->set_ignore_eos(true);
  request.mutable_params()->set_num_logprobs(0);
  request.mutable_params()->set_num_prompt_logprobs(-1);
  return request;
}

}  // namespace octet
