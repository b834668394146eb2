// The weights of one rank.

#ifndef OCTET_RUNTIME_CHECKPOINT_WEIGHTS_H_
#define OCTET_RUNTIME_CHECKPOINT_WEIGHTS_H_

#include <absl/status/statusor.h>

#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "kernels/base/backend.h"
#include "parallel/placement/expert_placement.h"
#include "runtime/checkpoint/kept_weights.h"
#include "runtime/checkpoint/load_progress.h"
#include "runtime/checkpoint/mixtral_tensors.h"
#include "runtime/checkpoint/model_config.h"
#include "runtime/checkpoint/pack_cache.h"

namespace octet {

// The formats of an expert's weights in memory. All experts of a layer have the same.
struct ExpertFormats {
  WeightFormat gate_up;
  WeightFormat down;
};

struct LayerWeights {
  std::span<float> input_layernorm;                     // [hidden_size]
  std::vector<PackedMatrix> qkv_proj;                   // q, k and v, stacked where formats agree
  PackedMatrix o_proj;                                  // [hidden_size, num_heads * head_dim]
  std::span<float> post_attention_layernorm;            // [hidden_size]
  PackedMatrix gate;                                    // [num_experts, hidden_size] float32
  std::vector<std::unique_ptr<ExpertWeights>> experts;  // [num_experts]; null if on other ranks
};

struct ModelWeights {
  Buffer replicated;        // all but the experts
  WeightRows embed_tokens;  // [vocab_size, hidden_size], as stored; float16 becomes float32
  std::vector<LayerWeights> layers;
  std::span<float> norm;                      // [hidden_size]
  PackedMatrix lm_head;                       // [vocab_size, hidden_size]
  std::vector<ExpertFormats> expert_formats;  // [num_layers]
  uint64_t mapped_bytes = 0;                  // of all these, those in files that were there
  KeptWeights* kept = nullptr;                // may have experts, whose memory is then a file's

  size_t replicated_bytes() const;  // on every rank
  size_t expert_bytes() const;      // of this rank's experts
};

// The memory for the replicated weights: of one rank alone, or of all ranks of a host, where each
// rank loads its part.
struct ReplicatedMemory {
  Buffer buffer;
  int part = 0;
  int num_parts = 1;
  bool is_loaded = false;  // the memory already has the weights
};

// Returns the bytes that the buffer of ReplicatedMemory needs.
size_t ReplicatedMemoryBytes(const MixtralTensors& tensors, const ModelConfig& config, DType dtype);

// Returns the formats of each layer's experts: [num_layers]. Quantised weights stay as they are
// stored; all others become `dtype`.
std::vector<ExpertFormats> FormatsOfExperts(const MixtralTensors& tensors,
                                            const ModelConfig& config, DType dtype);

// Returns whether experts of any layer are quantised.
bool HasQuantised(std::span<const ExpertFormats> formats);

// Returns the type of the rows that travel to experts: in all layers what the experts would round
// them to, where that is the same. dtype: of experts that are not quantised.
DType RowType(std::span<const ExpertFormats> formats, DType dtype);

// Returns the bytes of one loaded expert.
size_t ExpertMemoryBytes(const ModelConfig& config, const ExpertFormats& formats);

// Allocates the memory for one expert, without its values.
ExpertWeights AllocateExpert(const ModelConfig& config, const ExpertFormats& formats,
                             Backend& backend);

// Returns the bytes of all experts of one rank. formats: [num_layers].
size_t ExpertMemoryBytes(const ModelConfig& config, std::span<const ExpertFormats> formats,
                         const ExpertPlacement& placement, int rank);

// Where weights may be already, and stay. Null: nowhere. At most one is set.
struct WeightStores {
  PackCache* cache = nullptr;
  KeptWeights* kept = nullptr;
};

// Reads the experts of `rank` and its part of the replicated weights, each byte once. Packs them
// for products of `dtype` or, if they are quantised, of their format, into huge pages if the system
// has them. If there are more parts, they must be loaded before the weights are used. Maps the
// experts that a store has instead. With stores.kept, the others lie there.
absl::StatusOr<ModelWeights> LoadWeights(const MixtralTensors& tensors, const ModelConfig& config,
                                         const ExpertPlacement& placement, int rank,
                                         ReplicatedMemory memory, Backend& backend, DType dtype,
                                         const LoadProgress& progress, WeightStores stores = {});

// The parts in which stores keep weights.
PackedPart ReplicatedPart(size_t bytes);
std::string NameOfExpertPart(int layer, int expert);

// Returns the names of the parts that any of these ranks of a group needs.
std::set<std::string> NamesOfParts(const ExpertPlacement& placement, std::span<const int> ranks);

// Maps the replicated weights, of ReplicatedMemoryBytes, from the cache; empty if the cache lacks
// them. With `check`, reads the contents of the file.
Buffer MapReplicated(PackCache& cache, size_t bytes, bool check, Backend& backend,
                     const LoadProgress& progress);

// Writes the experts that did not come from the cache into it, and the replicated weights with
// `keep_replicated`.
void KeepWeights(const ModelWeights& weights, bool keep_replicated, PackCache& cache,
                 Backend& backend);

// Returns the bytes of the checkpoint that LoadWeights reads.
uint64_t BytesToLoad(const MixtralTensors& tensors, const ModelConfig& config,
                     const ExpertPlacement& placement, int rank, int part = 0, int num_parts = 1);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_WEIGHTS_H_
