#ifndef OCTET_RUNTIME_CHECKPOINT_PARAMS_READER_H_
#define OCTET_RUNTIME_CHECKPOINT_PARAMS_READER_H_

#include <absl/status/statusor.h>

#include <string>

#include "runtime/checkpoint/model_config.h"

namespace octet {

// The shape of a model from Mistral's params.json, which lies beside consolidated.safetensors.
// `json` is its text, `path` its name in errors. Keys and defaults as in mistral-inference
// (src/mistral_inference/args.py) and vLLM (transformers_utils/configs/mistral.py). Names no
// tokens: begin and end are the tokenizer's. Errors and warnings as of ParseModelConfig.
absl::StatusOr<ModelConfig> ParseParams(const std::string& json, const std::string& path);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_PARAMS_READER_H_
