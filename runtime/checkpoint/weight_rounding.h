// Weights that are rounded to a quantised format while they are read.

#ifndef OCTET_RUNTIME_CHECKPOINT_WEIGHT_ROUNDING_H_
#define OCTET_RUNTIME_CHECKPOINT_WEIGHT_ROUNDING_H_

#include <absl/status/status.h>

#include <string>

#include "runtime/checkpoint/model_files.h"

namespace octet {

// The weights of attention, experts and head are read as: 8 bits, Q8_0; 4 bits, Q4_0, and the head
// as Q8_0. The router, norms and embeddings, and a head that is tied to embeddings, stay as they
// are.
enum class WeightBits { kAsStored, k8, k4 };

// Parses "auto", "int8" or "int4".
absl::StatusOr<WeightBits> ParseWeightBits(const std::string& name);

// Replaces the tensors of `model`. It is an error if they are quantised already, or if a row is not
// a multiple of 32 weights.
absl::Status RoundWeights(WeightBits bits, ModelFiles& model);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_WEIGHT_ROUNDING_H_
