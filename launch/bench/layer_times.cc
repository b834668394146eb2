#include "launch/bench/layer_times.h"

#include <absl/functional/function_ref.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <optional>

#include "launch/bench/part_samples.h"
#include "launch/bench/probes.h"
#include "parallel/dispatch/host_dispatcher.h"
#include "parallel/transport/collectives.h"
#include "runtime/model/attention.h"
#include "runtime/model/batch.h"
#include "runtime/model/experts.h"
#include "runtime/model/kv_cache.h"
#include "runtime/model/rope.h"
#include "runtime/model/router.h"

namespace octet {
namespace {

enum class Part {
  kNorms,
  kAttention,
  kLastAttention,
  kRouter,
  kDispatch,
  kExperts,
  kCombine,
  kHead,
  kSampling,
  kEmbedding
};
constexpr int kNumParts = 10;
constexpr std::array<const char*, kNumParts> kPartNames = {
    "norms",   "attention", "last attention", "router",   "dispatch",
    "experts", "combine",   "head",           "sampling", "embedding"};

constexpr size_t Index(Part part) { return static_cast<size_t>(part); }

constexpr int kRepetitions = 4;  // that count, of each layer

// Both layers and repetitions of one case, by part.
using Samples = std::array<std::vector<double>, kNumParts>;

// The sequences of a case, with their pages.
struct CaseBatch {
  std::vector<std::vector<int32_t>> pages;
  Batch batch;
  Batch last;  // its last tokens
};

void FillBatch(const LayerCase& c, CaseBatch& filled) {
  filled.pages.resize(c.sequences);
  int32_t next_page = 0;
  for (int64_t s = 0; s < c.sequences; ++s) {
    filled.pages[s].resize(KvCache::PagesFor(c.positions()));
    std::ranges::generate(filled.pages[s], [&] { return next_page++; });
    Batch& b = filled.batch;
    b.spans.push_back({.first_row = b.num_tokens(),
                       .num_rows = c.rows,
                       .start_pos = c.context,
                       .pages = filled.pages[s]});
    b.lines.push_back(s);
    for (int64_t i = 0; i < c.rows; ++i) {
      b.tokens.push_back(static_cast<int32_t>(s));
      b.positions.push_back(static_cast<int32_t>(c.context + i));
    }
    b.logit_rows.push_back(static_cast<int32_t>(b.num_tokens() - 1));
  }
  filled.last.TakeLogitRows(filled.batch);
}

// The parts of a model on one rank, and what they need.
class TimedModel {
 public:
  TimedModel(Communicator& alone, const JobSetup& setup, const ModelWeights& weights,
             const std::vector<LayerCase>& cases)
      : config_(setup.model.config),
        weights_(weights),
        backend_(setup.device.MakeBackend(setup.threads)),
        workspace_([this](size_t bytes) { return backend_->Allocate(bytes); }),
        context_{*backend_, workspace_, clock_, setup.engine.dtype},
        kv_(*backend_, config_, setup.engine.dtype, CountPages(cases)),
        rope_(*backend_, config_.head_dim, config_.rope_theta, MostPositions(cases),
              config_.rope_scaling),
        dispatcher_(alone, setup.placement, *backend_, workspace_,
                    {.max_tokens = MostTokens(cases),
                     .hidden_size = config_.hidden_size,
                     .topk = config_.experts_per_token,
                     .dtype = setup.engine.row_dtype},
                    setup.engine.replica_policy) {
    for (int l = 0; l < config_.num_layers; ++l) {
      const LayerWeights& layer = weights_.layers[l];
      const KvBlocks kv = kv_.layer(l);
      // Pages that were never written would all be one page of zeros in the cache.
      std::memset(kv.pages, 0x3c, kv.page_bytes * kv_.num_pages());
      attention_.emplace_back(config_, layer, rope_.table(), kv);
      routers_.emplace_back(layer.gate, config_.experts_per_token);
      experts_.emplace_back(*backend_, config_.intermediate_size, layer);
    }
  }

  // Computes the case with all layers, once without counting. Every second time attention is that
  // of the last layer, where it differs.
  Samples Measure(const LayerCase& c) {
    CaseBatch filled;
    FillBatch(c, filled);
    Samples samples;
    for (int i = 0; i <= kRepetitions; ++i) {
      Samples of_repetition;
      Compute(filled, i % 2 == 1 && c.rows > 1, of_repetition);
      if (i == 0) continue;
      for (int p = 0; p < kNumParts; ++p) {
        samples[p].insert(samples[p].end(), of_repetition[p].begin(), of_repetition[p].end());
      }
    }
    return samples;
  }

  int64_t PairsOf(const LayerCase& c) const { return c.num_tokens() * config_.experts_per_token; }
  int64_t ExpertsOf(const LayerCase& c) const {
    return std::min<int64_t>(config_.num_experts, PairsOf(c));
  }

 private:
  using Clock = std::chrono::steady_clock;

  static int64_t CountPages(const std::vector<LayerCase>& cases) {
    int64_t most = 0;
    for (const LayerCase& c : cases) {
      most = std::max(most, c.sequences * KvCache::PagesFor(c.positions()));
    }
    return most;
  }
  // Adds the time of `work` to the last sample of a part.
  void Add(Samples& samples, Part part, absl::FunctionRef<void()> work) const {
    const Clock::time_point start = Clock::now();
    work();
    samples[Index(part)].back() += std::chrono::duration<double>(Clock::now() - start).count();
  }
  static void BeginSample(Samples& samples, std::span<const Part> parts) {
    for (const Part part : parts) samples[Index(part)].push_back(0);
  }

  void Compute(const CaseBatch& filled, bool last, Samples& samples) {
    const Workspace::Scope scope(workspace_);
    const int64_t tokens = filled.batch.num_tokens();
    const Matrix hidden = workspace_.Alloc(tokens, config_.hidden_size);
    const Matrix scratch = workspace_.Alloc(tokens, config_.hidden_size);
    BeginSample(samples, std::array{Part::kEmbedding});
    Add(samples, Part::kEmbedding,
        [&] { backend_->GatherWeights(weights_.embed_tokens, filled.batch.tokens, hidden); });
    dispatcher_.SetTokens(tokens, 0);
    for (int l = 0; l < config_.num_layers; ++l) {
      ComputeLayer(l, filled, last, hidden, scratch, samples);
    }
    ComputeHead(hidden.Rows(0, std::ssize(filled.batch.logit_rows)), samples);
  }

  void ComputeLayer(int l, const CaseBatch& filled, bool last, Matrix hidden, Matrix scratch,
                    Samples& samples) {
    const LayerWeights& weights = weights_.layers[l];
    BeginSample(samples,
                std::array{Part::kNorms, Part::kRouter, Part::kDispatch, Part::kExperts,
                           Part::kCombine, last ? Part::kLastAttention : Part::kAttention});
    Add(samples, Part::kNorms,
        [&] { backend_->RmsNorm(hidden, weights.input_layernorm, config_.rms_norm_eps, scratch); });
    const auto attend = [&](const Batch& wanted, Matrix y) {
      attention_[l].Forward(context_, scratch, filled.batch, wanted, y);
    };
    if (last) {
      const Workspace::Scope scope(workspace_);
      const Matrix y = workspace_.Alloc(filled.last.num_tokens(), config_.hidden_size);
      Add(samples, Part::kLastAttention, [&] { attend(filled.last, y); });
    } else {
      Add(samples, Part::kAttention, [&] { attend(filled.batch, scratch); });
    }
    Add(samples, Part::kNorms, [&] {
      backend_->Add(scratch, hidden);
      backend_->RmsNorm(hidden, weights.post_attention_layernorm, config_.rms_norm_eps, scratch);
    });
    Add(samples, Part::kRouter, [&] { routers_[l].Route(context_, scratch, routing_); });
    SpreadEvenly();
    ComputeExperts(l, scratch, samples);
    Add(samples, Part::kNorms, [&] { backend_->Add(scratch, hidden); });
  }

  // Lets all experts have the same number of tokens.
  void SpreadEvenly() {
    for (int64_t i = 0; i < std::ssize(routing_.topk_idx); ++i) {
      routing_.topk_idx[i] = static_cast<int32_t>(i % config_.num_experts);
    }
  }

  void ComputeExperts(int l, Matrix scratch, Samples& samples) {
    std::optional<TokensInFlight> tokens;
    const ExpertPlan* plan = nullptr;
    Add(samples, Part::kDispatch, [&] {
      tokens.emplace(dispatcher_.Dispatch(l, scratch, routing_));
      plan = tokens->Next();
    });
    while (plan != nullptr) {
      const Workspace::Scope scope(workspace_);
      Matrix out;
      Add(samples, Part::kExperts,
          [&] { out = experts_[l].Forward(context_, tokens->rows(), *plan); });
      Add(samples, Part::kCombine, [&] {
        tokens->Return(out);
        plan = tokens->Next();
      });
    }
    Add(samples, Part::kCombine, [&] { OutputsInFlight(*std::move(tokens)).Combine(scratch); });
  }

  void ComputeHead(Matrix last, Samples& samples) {
    BeginSample(samples, std::array{Part::kHead, Part::kSampling});
    const Matrix logits = workspace_.Alloc(last.rows, config_.vocab_size);
    const Matrix room = workspace_.Alloc(1, config_.vocab_size);
    const std::vector<TokenDraw> draws(last.rows);
    std::vector<int32_t> drawn(last.rows);
    std::vector<int32_t> are_finite(last.rows);
    Add(samples, Part::kHead, [&] { backend_->Matmul(last, weights_.lm_head, logits); });
    Add(samples, Part::kSampling,
        [&] { backend_->DrawTokens(logits, draws, room, drawn, are_finite); });
  }

  const ModelConfig& config_;
  const ModelWeights& weights_;
  std::unique_ptr<Backend> backend_;
  Workspace workspace_;
  PhaseClock clock_;
  ExecutionContext context_;
  KvCache kv_;
  Rope rope_;
  HostDispatcher dispatcher_;
  Routing routing_;
  std::vector<Attention> attention_;  // [layers]
  std::vector<Router> routers_;
  std::vector<Experts> experts_;
};

PartTime Describe(Part part, const LayerCase& c, const TimedModel& model) {
  PartTime time;
  time.set_part(kPartNames[Index(part)]);
  time.set_rows(c.num_tokens());
  if (part == Part::kHead || part == Part::kSampling) time.set_rows(c.sequences);
  if (part == Part::kExperts) time.set_rows(model.PairsOf(c));
  if (part == Part::kExperts) time.set_experts(model.ExpertsOf(c));
  if (part == Part::kAttention || part == Part::kLastAttention) {
    time.set_sequences(c.sequences);
    time.set_positions_seen(c.sequences * (c.rows * c.context + c.rows * (c.rows + 1) / 2));
  }
  return time;
}

}  // namespace

std::vector<LayerCase> LayerCases(int64_t max_sequences, int64_t max_rows, int64_t context) {
  constexpr int64_t kShortContext = 31;
  constexpr int64_t kShortPrompt = 128;
  std::vector<LayerCase> cases;
  for (int64_t n = 1; n <= max_sequences; n *= 2) {
    cases.push_back({.sequences = n, .context = kShortContext});
    cases.push_back({.sequences = n, .context = context});
  }
  for (int64_t rows = 4; rows <= max_rows; rows *= 2) {
    cases.push_back({.rows = rows});
    if (rows > kShortPrompt)
      cases.push_back({.sequences = rows / kShortPrompt, .rows = kShortPrompt});
  }
  cases.push_back({.rows = std::min<int64_t>(max_rows, 256), .context = context});
  return cases;
}

int64_t MostTokens(const std::vector<LayerCase>& cases) {
  int64_t most = 0;
  for (const LayerCase& c : cases) most = std::max(most, c.num_tokens());
  return most;
}

int64_t MostPositions(const std::vector<LayerCase>& cases) {
  int64_t most = 0;
  for (const LayerCase& c : cases) most = std::max(most, c.positions());
  return most;
}

void MeasureLayer(Communicator& world, const JobSetup& setup, const ModelWeights& weights,
                  const std::vector<LayerCase>& cases, LayerProfile& profile) {
  const auto alone = world.MakeGroup(1);
  TimedModel model(*alone, setup, weights, cases);
  Interruptions interruptions;
  for (const LayerCase& c : cases) {
    AllGather(world, {"bench"}, "");  // so that all ranks work at the same time
    const Samples samples = model.Measure(c);
    for (int p = 0; p < kNumParts; ++p) {
      if (samples[p].empty()) continue;
      const RankSamples of_ranks = GatherNumbers(world, samples[p]);
      if (of_ranks.empty()) continue;  // not rank 0
      const Part part = static_cast<Part>(p);
      interruptions.Add(of_ranks, part == Part::kExperts);
      PartTime& time = *profile.add_parts();
      time = Describe(part, c, model);
      time.set_seconds(MeanOfMedians(of_ranks));
    }
  }
  interruptions.SetIn(profile);
}

}  // namespace octet
