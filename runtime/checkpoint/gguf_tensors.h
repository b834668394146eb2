#ifndef OCTET_RUNTIME_CHECKPOINT_GGUF_TENSORS_H_
#define OCTET_RUNTIME_CHECKPOINT_GGUF_TENSORS_H_

#include <absl/status/statusor.h>

#include "runtime/checkpoint/gguf_model.h"
#include "runtime/checkpoint/mixtral_tensors.h"
#include "runtime/checkpoint/model_config.h"

namespace octet {

// Finds the weights of a Mixtral model among the tensors of a GGUF model, which must outlive the
// result. Experts of a layer may be stacked in one tensor, or be a tensor each, as in files from
// before April 2024. An error names the file, the tensor, what was found and what is needed.
// Tensors that change the arithmetic in a way that Octet does not compute are errors; others that
// the model does not use are warnings. Source of the names and of the order of the rows of q and k:
// https://github.com/ggml-org/llama.cpp, src/llama-arch.cpp and conversion/llama.py (permute).
absl::StatusOr<MixtralTensors> MapGgufTensors(const GgufModel& model, const ModelConfig& config);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_GGUF_TENSORS_H_
