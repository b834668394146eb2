#ifndef OCTET_RUNTIME_CHECKPOINT_TENSOR_SOURCE_H_
#define OCTET_RUNTIME_CHECKPOINT_TENSOR_SOURCE_H_

#include <absl/status/status.h>

#include <cstdint>
#include <string>
#include <vector>

#include "runtime/checkpoint/mixtral_tensors.h"
#include "runtime/checkpoint/model_config.h"

namespace octet {

// One dimension that a tensor must have, and the config key that sets it.
struct Dim {
  int64_t size;
  const char* config_key;  // as in config.json
};

// Returns the product of all dimensions but the last.
int64_t RowsOf(const std::vector<Dim>& dims);

// Returns whether `shape`, outermost first, has these dimensions.
bool HasDims(const std::vector<uint64_t>& shape, const std::vector<Dim>& dims);

// A source of the tensors of a model.
class TensorSource {
 public:
  virtual ~TensorSource() = default;

  virtual bool fused_experts() const = 0;

  // Returns whether the rows of q and k have the order of Mistral's rotary embedding.
  virtual bool interleaved_rotary() const = 0;

  // Returns the whole tensor as a matrix: columns are its last dimension, rows all others. `name`
  // is the one in a Hugging Face checkpoint.
  virtual TensorSlice Take(const std::string& name, const std::vector<Dim>& dims) = 0;

  // Returns the error of the first tensor that is missing or wrong. All tensors taken after that
  // are empty.
  virtual const absl::Status& status() const = 0;

  // Returns warnings about unusual names and about the tensors that were not taken.
  virtual std::vector<std::string> Warnings(const ModelConfig& config) const = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_TENSOR_SOURCE_H_
