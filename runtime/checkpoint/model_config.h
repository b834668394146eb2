// The shape of a Mixtral model, from a Hugging Face config.json or Mistral's params.json.

#ifndef OCTET_RUNTIME_CHECKPOINT_MODEL_CONFIG_H_
#define OCTET_RUNTIME_CHECKPOINT_MODEL_CONFIG_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/base/dtype.h"
#include "runtime/checkpoint/end_tokens.h"
#include "runtime/checkpoint/rope_scaling.h"
#include "runtime/io/file.h"

namespace octet {

// The largest sizes that a file may state, so that no product of them overflows. They are far above
// those of any model so far.
inline constexpr int kMostVocabulary = 1 << 24;
inline constexpr int kMostHidden = 1 << 20;
inline constexpr int kMostIntermediate = 1 << 22;
inline constexpr int kMostLayers = 1 << 12;
inline constexpr int kMostHeads = 1 << 14;
inline constexpr int kMostHeadDim = 1 << 14;
inline constexpr int kMostExperts = 1 << 14;       // of a layer
inline constexpr int kMostExpertsInAll = 1 << 18;  // of all layers
inline constexpr int kMostPositions = 1 << 27;
inline constexpr double kMostParameters = 1e15;
inline constexpr double kMostCacheBytes = 1e18;  // of the keys and values of one longest text

// The shape of a Mixtral model. Absent keys have the defaults of transformers' MixtralConfig
// (src/transformers/models/mixtral/configuration_mixtral.py, the same in 4.57 and 5.0), which are
// the values below.
struct ModelConfig {
  int vocab_size = 32000;
  int hidden_size = 4096;
  int intermediate_size = 14336;
  int num_layers = 32;
  int num_heads = 32;
  int num_kv_heads = 8;  // divides num_heads
  int head_dim = 128;    // even; hidden_size / num_heads unless the file says otherwise
  int num_experts = 8;   // of a layer; the file calls it num_local_experts
  int experts_per_token = 2;
  int max_position_embeddings = 131072;  // served; with rope_scaling, more than trained
  float rms_norm_eps = 1e-5F;
  double rope_theta = 1e6;
  RopeScaling rope_scaling;
  std::optional<int> sliding_window;  // positions that a position sees, with itself; all if absent
  bool tie_word_embeddings = false;   // lm_head is embed_tokens
  std::vector<int32_t> eos_token_ids = {2};  // in ModelFiles, those of all files together
  NamedTokens named_tokens;                  // as the file states them
  std::optional<DType> stored_dtype;         // as the file claims; each tensor's own dtype counts
  std::vector<std::string> warnings;
};

// Parses config.json. `json` is its text, `path` its name in errors. Refuses, by key, what Octet
// does not compute, contradictions, and sizes that no model has. An unknown key is a warning.
absl::StatusOr<ModelConfig> ParseModelConfig(const std::string& json, const std::string& path);

// Reads a directory's config.json or, if there is none, its params.json
// (runtime/checkpoint/params_reader.h). If the directory is no model, the error says what it is
// instead.
absl::StatusOr<ModelConfig> LoadDirectoryConfig(FileSystem& file_system,
                                                const std::string& directory);

// The same for any model: `path` may also lead to GGUF (FindGguf), whose metadata are read then.
absl::StatusOr<ModelConfig> LoadModelConfig(FileSystem& file_system, const std::string& path);

// Returns OK if the memory of a model of these sizes can be counted; otherwise an error that begins
// with `path`.
absl::Status CheckSizes(const ModelConfig& config, const std::string& path);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_MODEL_CONFIG_H_
