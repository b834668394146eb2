// A model without a checkpoint: its weights are made where they would be read.

#ifndef OCTET_RUNTIME_CHECKPOINT_RANDOM_WEIGHTS_H_
#define OCTET_RUNTIME_CHECKPOINT_RANDOM_WEIGHTS_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/checkpoint/model_config.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/io/file.h"

namespace octet {

// The shape of a published model: "mixtral-8x7b" or "mixtral-8x22b". An error lists the names.
absl::StatusOr<ModelConfig> FindShape(const std::string& name);

// How a random tensor's elements are spread.
struct RandomValues {
  uint64_t key = 0;  // the same key gives the same elements
  float limit = 1;   // evenly over (-limit, limit), then rounded to bfloat16; 0: each is 1
};

// A file of `num_elements` bfloat16 numbers, little-endian. An element follows from the key and its
// place alone, whatever is read with it. Reading beyond the end is an error. `name` is for errors.
std::unique_ptr<RandomAccessFile> MakeRandomFile(const std::string& name, RandomValues values,
                                                 uint64_t num_elements);

// A model of this shape, without tokenizer, stored as bfloat16: norms are 1, embeddings have
// variance 1, and all other weights 1 / (their inputs), so that activations stay of order 1.
// A tensor follows from the seed and its name.
ModelFiles MakeRandomModel(const ModelConfig& config, int64_t seed);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_RANDOM_WEIGHTS_H_
