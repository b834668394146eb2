// The weights of one rank.

#ifndef OCTET_RUNTIME_CHECKPOINT_WEIGHTS_H_
#define OCTET_RUNTIME_CHECKPOINT_WEIGHTS_H_

#include <absl/status/statusor.h>

#include <memory>
#include <span>
#include <vector>

#include "kernels/base/backend.h"
#include "parallel/placement/expert_placement.h"
#include "runtime/checkpoint/load_progress.h"
#include "runtime/checkpoint/mixtral_tensors.h"
#include "runtime/checkpoint/model_config.h"
#include "runtime/checkpoint/pack_cache.h"

namespace octet {

struct LayerWeights {
  std::span<float> input_layernorm;                     // [hidden_size]
  PackedMatrix qkv_proj;                                // q, k and v one below the other
  PackedMatrix o_proj;                                  // [hidden_size, num_heads * head_dim]
  std::span<float> post_attention_layernorm;            // [hidden_size]
  PackedMatrix gate;                                    // [num_experts, hidden_size] float32
  std::vector<std::unique_ptr<ExpertWeights>> experts;  // [num_experts]; null: on other ranks
};

struct ModelWeights {
  Buffer replicated;    // all but the experts
  Matrix embed_tokens;  // [vocab_size, hidden_size] float32 or, where stored so, bfloat16
  std::vector<LayerWeights> layers;
  std::span<float> norm;      // [hidden_size]
  PackedMatrix lm_head;       // [vocab_size, hidden_size]
  uint64_t mapped_bytes = 0;  // of all these: in files of a pack cache

  size_t replicated_bytes() const;  // on every rank
  size_t expert_bytes() const;      // of this rank's experts
};

// Where the replicated weights go: memory of one rank alone, or of all ranks of a host, each of
// which loads its part.
struct ReplicatedMemory {
  Buffer buffer;
  int part = 0;
  int num_parts = 1;
  bool is_loaded = false;  // it holds them already
};

// What its buffer must hold.
size_t ReplicatedMemoryBytes(const MixtralTensors& tensors, const ModelConfig& config, DType dtype);

// What one expert of one layer takes, once loaded.
size_t ExpertMemoryBytes(const ModelConfig& config, DType dtype);

// Memory for one expert, whose numbers are not there yet.
ExpertWeights AllocateExpert(const ModelConfig& config, DType dtype, Backend& backend);

// What all experts of one rank take.
size_t ExpertMemoryBytes(const ModelConfig& config, const ExpertPlacement& placement, int rank,
                         DType dtype);

// Reads what `rank` owns and its part of what is replicated, each byte once, and packs it for
// products of `dtype`, into huge pages where the system has them. Where there are more parts, they
// must be loaded before the weights are used. Experts that `cache` has, unless it is null, are
// mapped instead.
absl::StatusOr<ModelWeights> LoadWeights(const MixtralTensors& tensors, const ModelConfig& config,
                                         const ExpertPlacement& placement, int rank,
                                         ReplicatedMemory memory, Backend& backend, DType dtype,
                                         const LoadProgress& progress, PackCache* cache = nullptr);

// The replicated weights of ReplicatedMemoryBytes from the cache; empty where it has none. With
// `check` what the file holds is read.
Buffer MapReplicated(PackCache& cache, size_t bytes, bool check, Backend& backend,
                     const LoadProgress& progress);

// Puts the experts that the cache did not give into it, and the replicated weights if so wanted.
void KeepWeights(const ModelWeights& weights, bool keep_replicated, PackCache& cache,
                 Backend& backend);

// Bytes of the checkpoint that LoadWeights reads.
uint64_t BytesToLoad(const MixtralTensors& tensors, const ModelConfig& config,
                     const ExpertPlacement& placement, int rank, int part = 0, int num_parts = 1);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_WEIGHTS_H_
