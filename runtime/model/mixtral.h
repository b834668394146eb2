// The Mixtral model.

#ifndef OCTET_RUNTIME_MODEL_MIXTRAL_H_
#define OCTET_RUNTIME_MODEL_MIXTRAL_H_

#include <absl/container/inlined_vector.h>

#include <deque>
#include <memory>
#include <vector>

#include "parallel/dispatch/replica_policy.h"
#include "parallel/transport/row_transport.h"
#include "runtime/model/decoder_layer.h"
#include "runtime/model/rope.h"

namespace octet {

// The most micro-batches of one step.
inline constexpr int kMaxMicroBatches = 2;

// Returns the first token of micro-batch `index`. For `index` == num_micro_batches that is the end.
constexpr int64_t FirstOfMicroBatch(int64_t tokens, int index, int num_micro_batches) {
  return tokens * index / num_micro_batches;
}

// The parts of a model. All of them must outlive the model.
struct MixtralParts {
  const ModelConfig& config;
  const ModelWeights& weights;
  const KvCache& kv_cache;
  const ExpertPlacement& placement;
  Communicator& comm;  // the ranks that share the experts
  ReplicaPolicy replica_policy = ReplicaPolicy::kEven;
  RowTransport* rows = nullptr;  // between devices; null: rows lie in memory of hosts
};

struct MixtralLimits {
  int64_t max_tokens = 0;             // of this rank in one step
  int64_t max_positions = 0;          // of a sequence
  size_t second_workspace_bytes = 0;  // reserved for the second micro-batch
};

// MixtralForCausalLM (Jiang et al., "Mixtral of Experts", arXiv:2401.04088).
class Mixtral {
 public:
  // Collective.
  Mixtral(const ExecutionContext& context, const MixtralParts& parts, const MixtralLimits& limits,
          RoutingHooks hooks = {});
  Mixtral(const Mixtral&) = delete;
  Mixtral& operator=(const Mixtral&) = delete;

  // Collective. Computes the last hidden states, after the norm, of the tokens batch.logit_rows:
  // [batch.logit_rows.size(), hidden_size], in the workspace. Divides the tokens into
  // `num_micro_batches` micro-batches, the same number on all ranks. While one is computed, the
  // tokens of the other travel.
  Matrix Forward(const Batch& batch, int num_micro_batches = 1);

  // Adapts to a new placement and new experts of a layer. All ranks call it between the same two
  // steps.
  void ExpertsMoved(int layer);

  // Dispatcher::shared_memory.
  const absl::Status& shared_memory() const { return lanes_.front().dispatcher->shared_memory(); }

  // The count of what this rank's experts have computed.
  const ExpertLoad& expert_load() const { return load_; }

  // Returns the logits of rows from Forward: [rows, vocab_size], in the workspace.
  Matrix Logits(ConstMatrix hidden);

 private:
  // The objects that one micro-batch uses at a time.
  struct Lane {
    Lane(const ExecutionContext& own_context, const MixtralParts& parts, int64_t max_tokens);

    const ExecutionContext context;
    std::unique_ptr<Dispatcher> dispatcher;
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
