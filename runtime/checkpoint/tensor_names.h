#ifndef OCTET_RUNTIME_CHECKPOINT_TENSOR_NAMES_H_
#define OCTET_RUNTIME_CHECKPOINT_TENSOR_NAMES_H_

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <vector>

#include "runtime/checkpoint/checkpoint.h"

namespace octet {

// How a checkpoint spells the tensors of a model. The names that are asked for are those of
// transformers 4: `model.layers.{i}.block_sparse_moe.experts.{e}.w1.weight` and so on.
class TensorNames {
 public:
  // Finds out by the names that are there. Beside the plain ones: with another uniform prefix than
  // "model.", or none; fused experts, as transformers 5 saves (`.mlp.experts.gate_up_proj`); and
  // Mistral's own (`layers.{i}.attention.wq.weight`). Refuses a mixture, and adapters.
  static absl::StatusOr<TensorNames> Of(const Checkpoint& checkpoint);

  // Classic names, such as of a model that is made.
  TensorNames() = default;

  // The checkpoint's name of the tensor.
  std::string Spell(const std::string& name) const;

  bool fused_experts() const { return fused_experts_; }

  // Rotary embedding turns neighbouring rows of a head's queries and keys, and not the rows of one
  // half with those of the other.
  bool interleaved_rotary() const { return consolidated_; }

  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  // Where the body's names begin, which is "model." in plain ones; nullopt: not to be found.
  static std::optional<std::string> FindBody(const Checkpoint& checkpoint);

  void SetBody(const Checkpoint& checkpoint, const std::string& body);

  std::string body_ = "model.";
  std::string lm_head_ = "lm_head.weight";
  bool fused_experts_ = false;
  bool consolidated_ = false;
  std::vector<std::string> warnings_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_TENSOR_NAMES_H_
