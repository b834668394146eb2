// The model.

#ifndef OCTET_RUNTIME_MODEL_MIXTRAL_H_
#define OCTET_RUNTIME_MODEL_MIXTRAL_H_

#include <deque>

#include "runtime/model/decoder_layer.h"
#include "runtime/model/rope.h"

namespace octet {

// How far the tokens of one step may be divided.
inline constexpr int kMaxMicroBatches = 2;

// What a model is made from; all of it must outlive it.
struct MixtralParts {
  const ModelConfig& config;
  const ModelWeights& weights;
  const KvCache& kv_cache;
  const ExpertPlacement& placement;
  Communicator& comm;  // over whose ranks the experts are spread
};

struct MixtralLimits {
  int64_t max_tokens = 0;             // of this rank in one step
  int64_t max_positions = 0;          // of a sequence
  size_t second_workspace_bytes = 0;  // to reserve, for the second micro-batch
};

// MixtralForCausalLM (Jiang et al., "Mixtral of Experts", arXiv:2401.04088).
class Mixtral {
 public:
  // Collective.
  Mixtral(const ExecutionContext& context, const MixtralParts& parts, const MixtralLimits& limits,
          RoutingObserver observer);
  Mixtral(const Mixtral&) = delete;
  Mixtral& operator=(const Mixtral&) = delete;

  // Collective: the last hidden states, normed, of the tokens batch.logit_rows, in the workspace:
  // [batch.logit_rows.size(), hidden_size]. The tokens are divided into so many micro-batches, on
  // all ranks alike: while one is computed, the tokens of the other travel.
  Matrix Forward(const Batch& batch, int num_micro_batches = 1);

  // Dispatcher::shared_memory.
  const absl::Status& shared_memory() const {
    return micro_batches_.front().dispatcher.shared_memory();
  }

  // The logits of rows that Forward gave, [rows, vocab_size], in the workspace.
  Matrix Logits(ConstMatrix hidden);

 private:
  // A part of the batch on its way through the layers.
  struct MicroBatch {
    ExecutionContext context;
    Dispatcher dispatcher;
    std::deque<DecoderLayer> layers;  // they don't move
    Batch batch;
    Matrix hidden = {};
    Matrix scratch = {};

    void Attend(size_t layer) { layers[layer].Attend(batch, hidden, scratch); }
    void Dispatch(size_t layer) { layers[layer].Dispatch(hidden, scratch); }
    void RunExperts(size_t layer) { layers[layer].RunExperts(); }
    void Combine(size_t layer) { layers[layer].Combine(hidden, scratch); }
  };

  void AddMicroBatch(const ExecutionContext& context, const MixtralParts& parts,
                     int64_t max_tokens);
  void Embed(MicroBatch& m);

  const ExecutionContext& context_;
  const ModelConfig& config_;
  const ModelWeights& weights_;
  Rope rope_;
  RoutingObserver observer_;
  Workspace second_workspace_;
  std::deque<MicroBatch> micro_batches_;  // [kMaxMicroBatches]; they don't move
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_MIXTRAL_H_
