#ifndef OCTET_RUNTIME_CHECKPOINT_GGUF_ROPE_H_
#define OCTET_RUNTIME_CHECKPOINT_GGUF_ROPE_H_

#include <string>

#include "runtime/checkpoint/config_reader.h"
#include "runtime/checkpoint/model_config.h"

namespace octet {

// Reads the rotary embedding from the metadata of a GGUF model: the keys that begin with
// `architecture` and ".rope.". config.head_dim must be set, and config.max_position_embeddings must
// have the value of context_length; changes it to the number of positions that the model serves.
// Refuses by name the kinds that are not computed. Source: https://github.com/ggml-org/llama.cpp,
// src/llama-model.cpp (load_hparams) and src/llama-context.cpp (the factor on cos and sin).
void ReadGgufRope(ConfigReader& reader, const std::string& architecture, ModelConfig& config);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_GGUF_ROPE_H_
