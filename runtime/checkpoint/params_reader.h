#ifndef OCTET_RUNTIME_CHECKPOINT_PARAMS_READER_H_
#define OCTET_RUNTIME_CHECKPOINT_PARAMS_READER_H_

#include <absl/status/statusor.h>

#include <string>

#include "runtime/checkpoint/model_config.h"

namespace octet {

// Parses Mistral's params.json, which is beside consolidated.safetensors, into the shape of a
// model. `json` is its text, `path` its name in errors. Keys and defaults are those of
// mistral-inference (src/mistral_inference/args.py) and vLLM
// (transformers_utils/configs/mistral.py). It names no tokens: the first and last tokens are the
// tokenizer's. Errors and warnings are as in ParseModelConfig.
absl::StatusOr<ModelConfig> ParseParams(const std::string& json, const std::string& path);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_PARAMS_READER_H_
