// A model without a checkpoint: its weights are made instead of read.

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

// Returns the shape of a published model: "mixtral-8x7b" or "mixtral-8x22b". An error lists the
// names.
absl::StatusOr<ModelConfig> FindShape(const std::string& name);

// The distribution of a random tensor's elements.
struct RandomValues {
  uint64_t key = 0;  // the same key gives the same elements
  float limit = 1;   // uniform in (-limit, limit), then rounded to bfloat16; if 0, each is 1
};

// Makes a file of `num_elements` bfloat16 numbers, little-endian. An element depends only on the
// key and its place, not on how it is read. A read beyond the end is an error. `name` is for
// errors.
std::unique_ptr<RandomAccessFile> MakeRandomFile(const std::string& name, RandomValues values,
                                                 uint64_t num_elements);

// Makes a model of this shape, without a tokenizer, stored as bfloat16. Norms are 1, embeddings
// have variance 1, and all other weights 1 / (their inputs), so that activations stay of order 1. A
// tensor depends only on the seed and its name.
ModelFiles MakeRandomModel(const ModelConfig& config, int64_t seed);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_RANDOM_WEIGHTS_H_
