// The shape of a Mixtral model, from a Hugging Face config.json.

#ifndef OCTET_RUNTIME_MODEL_MODEL_CONFIG_H_
#define OCTET_RUNTIME_MODEL_MODEL_CONFIG_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kernels/dtype.h"
#include "runtime/io/file.h"

namespace octet {

// Absent keys have the defaults of transformers' MixtralConfig (src/transformers/models/mixtral/
// configuration_mixtral.py, the same in 4.57 and 5.0), which are the values below.
struct ModelConfig {
  int vocab_size = 32000;
  int hidden_size = 4096;
  int intermediate_size = 14336;
  int num_layers = 32;
  int num_heads = 32;
  int num_kv_heads = 8;  // divides num_heads
  int head_dim = 128;    // even; hidden_size / num_heads unless the file says otherwise
  int num_experts = 8;   // all of a layer's: the file calls them num_local_experts
  int experts_per_token = 2;
  int max_position_embeddings = 131072;
  float rms_norm_eps = 1e-5F;
  double rope_theta = 1e6;
  std::optional<int>
      sliding_window;  // positions that a position sees, itself included; all where absent
  bool tie_word_embeddings = false;  // lm_head is embed_tokens
  std::optional<int32_t> bos_token_id = 1;
  std::vector<int32_t> eos_token_ids = {2};
  std::optional<DType>
      stored_dtype;  // what the file claims; each tensor's own dtype is what counts
  std::vector<std::string> warnings;
};

// `json` is config.json's text, `path` its name in errors. Refuses, by key, what Octet does not
// compute and what contradicts itself; an unknown key is a warning.
absl::StatusOr<ModelConfig> ParseModelConfig(const std::string& json, const std::string& path);

// Reads config.json and, where it is there, generation_config.json: its eos_token_id replaces
// config.json's, as when transformers generates.
absl::StatusOr<ModelConfig> LoadModelConfig(FileSystem& file_system, const std::string& directory);

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_MODEL_CONFIG_H_
