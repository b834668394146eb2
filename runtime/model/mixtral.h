// The Mixtral model.

#ifndef OCTET_RUNTIME_MODEL_MIXTRAL_H_
#define OCTET_RUNTIME_MODEL_MIXTRAL_H_

#include <absl/container/inlined_vector.h>

#include <deque>
#include <map>
#include <memory>
#include <utility>
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

// What all ranks have room for in a step in which each computes one token of each of its sequences.
struct DecodeShape {
  int64_t tokens;   // of each rank
  int64_t context;  // positions of a sequence

  bool operator<(const DecodeShape& other) const {
    return std::pair(tokens, context) < std::pair(other.tokens, other.context);
  }
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

  // Whether Decode may be called: the ranks' rows go from device to device.
  bool CanDecode() const { return can_decode_; }

  // Collective. Computes the logits of all tokens of a batch in which each token is of a sequence
  // of its own: [shape.tokens, vocab_size], in the workspace, first those of the batch. No host
  // waits. All ranks give the same shape. From the second time of a shape on, the step is one piece
  // of recorded work.
  Matrix Decode(const Batch& batch, const DecodeShape& shape);

  // Waits until the exchanges of the last step are complete. Call it before Backend::Synchronize,
  // which doesn't know that this rank waits for others.
  void Await() { lanes_.front().dispatcher->Await(); }

  // Adapts to a new placement and new experts of a layer. All ranks call it between the same two
  // steps.
  void ExpertsMoved(int layer);

  // Dispatcher::shared_memory.
  const absl::Status& shared_memory() const { return lanes_.front().dispatcher->shared_memory(); }

  // Returns the count of what this rank's experts have computed. It stays in its place, and lags
  // behind if the experts are on a device.
  const ExpertLoad& expert_load();

  // Returns the (token, position) pairs of attention to the batch, over all layers.
  int64_t CountSeen(const Batch& batch) const;

  // Returns the logits of rows from Forward: [rows, vocab_size], in the workspace.
  Matrix Logits(ConstMatrix hidden);

 private:
  // The objects that one micro-batch uses at a time.
  struct Lane {
    Lane(const ExecutionContext& own_context, const MixtralParts& parts, int64_t max_tokens);

    const ExecutionContext context;
    std::unique_ptr<Dispatcher> dispatcher;
    Batch batch;
    Batch wanted;  // of the last layer
    Routing routing;
  };
  using MicroBatches = absl::InlinedVector<MicroBatch, kMaxMicroBatches>;

  // What was recorded of a shape.
  struct RecordedDecode {
    bool was_computed = false;
    std::unique_ptr<RecordedWork> work;
  };

  MicroBatches Divide(const Batch& batch, int num_micro_batches);
  MicroBatch StartLane(Lane& lane, int64_t first_token);
  void HoldLists(int num_lanes, int64_t context_room);
  void Compute(std::span<MicroBatch> micro_batches, Matrix last);
  void FindWanted(std::span<MicroBatch> micro_batches, Matrix last);
  void ComputeLogits(Lane& lane, Matrix logits);
  void Embed(MicroBatch& m) const;

  const ExecutionContext& context_;
  const ModelConfig& config_;
  const ModelWeights& weights_;
  Rope rope_;
  RoutingHooks hooks_;
  const bool can_decode_;
  ExpertLoad load_;
  Workspace second_workspace_;
  std::deque<Lane> lanes_;  // [kMaxMicroBatches]; they don't move
  std::vector<DecoderLayer> layers_;
  std::map<DecodeShape, RecordedDecode> decodes_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_MIXTRAL_H_
