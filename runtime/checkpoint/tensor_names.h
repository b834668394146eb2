#ifndef OCTET_RUNTIME_CHECKPOINT_TENSOR_NAMES_H_
#define OCTET_RUNTIME_CHECKPOINT_TENSOR_NAMES_H_

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <vector>

#include "runtime/checkpoint/checkpoint.h"

namespace octet {

// The names of a model's tensors in a checkpoint. Callers use the names of transformers 4:
// `model.layers.{i}.block_sparse_moe.experts.{e}.w1.weight` and so on.
class TensorNames {
 public:
  // Finds the spelling from the names in the checkpoint. Besides the plain names, it knows: another
  // uniform prefix than "model.", or none; fused experts, as transformers 5 saves them
  // (`.mlp.experts.gate_up_proj`); and Mistral's own names (`layers.{i}.attention.wq.weight`).
  // Refuses a mixture, and adapters.
  static absl::StatusOr<TensorNames> Of(const Checkpoint& checkpoint);

  // Makes classic names, as for a random model.
  TensorNames() = default;

  // Returns the checkpoint's name of the tensor.
  std::string Spell(const std::string& name) const;

  bool fused_experts() const { return fused_experts_; }

  // Returns whether rotary embedding pairs neighbouring rows of a head's queries and keys, instead
  // of rows of its two halves.
  bool interleaved_rotary() const { return consolidated_; }

  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  // Returns the prefix of the body's names, which is "model." in plain ones, or nullopt if it
  // cannot be found.
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
