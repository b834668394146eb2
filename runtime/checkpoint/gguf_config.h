#ifndef OCTET_RUNTIME_CHECKPOINT_GGUF_CONFIG_H_
#define OCTET_RUNTIME_CHECKPOINT_GGUF_CONFIG_H_

#include <absl/status/statusor.h>

#include "runtime/checkpoint/gguf_model.h"
#include "runtime/checkpoint/model_config.h"

namespace octet {

// Reads the shape of a Mixtral model from the metadata of a GGUF model, whose general.architecture
// is 'llama' with experts, or 'mixtral'. Absent keys have llama.cpp's defaults. Names in
// named_tokens the tokens that end an answer. Errors name the file and the key: it is missing, has
// another type, is out of range, contradicts another, or asks for arithmetic that Octet does not
// have. A key of the architecture that is not known is a warning. Source:
// https://github.com/ggml-org/llama.cpp, src/llama-arch.cpp (names), src/llama-model.cpp and
// src/models/llama.cpp (meanings and defaults).
absl::StatusOr<ModelConfig> ReadGgufConfig(const GgufModel& model);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_GGUF_CONFIG_H_
