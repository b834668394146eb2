// The model.

#ifndef OCTET_RUNTIME_MODEL_MIXTRAL_H_
#define OCTET_RUNTIME_MODEL_MIXTRAL_H_

#include <absl/container/inlined_vector.h>

#include <deque>
#include <vector>

#include "runtime/model/decoder_layer.h"
#include "runtime/model/rope.h"

namespace octet {

// How far the tokens of one step may be divided.
inline constexpr int kMaxMicroBatches = 2;

// Where the tokens of micro-batch `index` begin; `index` may be their number.
constexpr int64_t FirstOfMicroBatch(int64_t tokens, int index, int num_micro_batches) {
  return tokens * index / num_micro_batches;
}

// What a model is made from; all of it must outlive it.
struct MixtralParts {
  const ModelConfig& config;
  const ModelWeights& weights;
  const KvCache& kv_cache;
  const ExpertPlacement& placement;
  Communicator& comm;  // over whose ranks the experts are spread
  ReplicaPolicy replica_policy = ReplicaPolicy::kEven;
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
          RoutingHooks hooks = {});
  Mixtral(const Mixtral&) = delete;
  Mixtral& operator=(const Mixtral&) = delete;

  // Collective: the last hidden states, normed, of the tokens batch.logit_rows, in the workspace:
  // [batch.logit_rows.size(), hidden_size]. The tokens are divided into so many micro-batches, on
  // all ranks alike: while one is computed, the tokens of the other travel.
  Matrix Forward(const Batch& batch, int num_micro_batches = 1);

  // On all ranks between two steps: the placement and the experts of a layer are others now.
  void ExpertsMoved(int layer);

  // Dispatcher::shared_memory.
  const absl::Status& shared_memory() const { return lanes_.front().dispatcher.shared_memory(); }

  // What this rank's experts have computed.
  const ExpertLoad& expert_load() const { return load_; }

  // The logits of rows that Forward gave, [rows, vocab_size], in the workspace.
  Matrix Logits(ConstMatrix hidden);

 private:
  // What a micro-batch needs, one at a time.
  struct Lane {
    Lane(const ExecutionContext& own_context, const MixtralParts& parts, int64_t max_tokens);

    const ExecutionContext context;
    Dispatcher dispatcher;
    Batch batch;
    Routing routing;
  };
  using MicroBatches = absl::InlinedVector<MicroBatch, kMaxMicroBatches>;

  MicroBatches Divide(const Batch& batch, int num_micro_batches);
  void Embed(MicroBatch& m) const;
  void TakeLogitRows(std::span<const MicroBatch> micro_batches, Matrix rows) const;

  const ExecutionContext& context_;
  const ModelConfig& config_;
  const ModelWeights& weights_;
  Rope rope_;
  RoutingHooks hooks_;
  ExpertLoad load_;
  Workspace second_workspace_;
  std::deque<Lane> lanes_;  // [kMaxMicroBatches]; they don't move
  std::vector<DecoderLayer> layers_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_MIXTRAL_H_
