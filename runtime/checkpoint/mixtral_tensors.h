// The place of each weight of a Mixtral model in its checkpoint.

#ifndef OCTET_RUNTIME_CHECKPOINT_MIXTRAL_TENSORS_H_
#define OCTET_RUNTIME_CHECKPOINT_MIXTRAL_TENSORS_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "kernels/base/weight_format.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/model_config.h"
#include "runtime/io/file.h"

namespace octet {

// A row-major matrix [rows, cols] inside a file: a tensor, or one expert's part of a fused one. A
// vector has one row.
struct TensorSlice {
  const RandomAccessFile* file = nullptr;
  std::string name;  // for messages: the tensor's, with the index of the part
  WeightFormat format = WeightFormat::kF32;
  uint64_t offset = 0;  // bytes from the start of the file
  int64_t rows = 0;
  int64_t cols = 0;

  // If not 0, the size of a head in rows, and the file has the rows of each head in the order of
  // Mistral's rotary embedding. Row i of the slice's first half is then row 2i of the head in the
  // file, and row i of its second half is row 2i + 1.
  int64_t interleaved_rows = 0;

  uint64_t row_bytes() const { return RowBytes(format, cols); }

  // Returns where row `row` begins, in bytes from the start of the file.
  uint64_t OffsetOf(int64_t row) const {
    if (interleaved_rows > 0) {
      const int64_t half = interleaved_rows / 2;
      const int64_t i = row % interleaved_rows;
      row += (i < half ? 2 * i : 2 * (i - half) + 1) - i;
    }
    return offset + static_cast<uint64_t>(row) * row_bytes();
  }

  // Returns rows [first, first + count), which must not be interleaved.
  TensorSlice Rows(int64_t first, int64_t count) const;

  uint64_t bytes() const { return static_cast<uint64_t>(rows) * row_bytes(); }
};

struct LayerTensors {
  TensorSlice input_layernorm;           // [1, hidden_size]
  TensorSlice q_proj;                    // [num_heads * head_dim, hidden_size]
  TensorSlice k_proj;                    // [num_kv_heads * head_dim, hidden_size]
  TensorSlice v_proj;                    // [num_kv_heads * head_dim, hidden_size]
  TensorSlice o_proj;                    // [hidden_size, num_heads * head_dim]
  TensorSlice post_attention_layernorm;  // [1, hidden_size]
  TensorSlice gate;                      // [num_experts, hidden_size]
};

struct ExpertTensors {
  TensorSlice w1;  // gate [intermediate_size, hidden_size]
  TensorSlice w2;  // down [hidden_size, intermediate_size]
  TensorSlice w3;  // up   [intermediate_size, hidden_size]
};

// Makes the tensor of this name and shape [rows, cols]. A vector has one row.
using MakeTensor = std::function<TensorSlice(const std::string& name, int64_t rows, int64_t cols)>;

class TensorSource;

// All weights of a model. Each has the shape that the config gives it, under any of the names that
// TensorNames knows. They point into files that must outlive this object.
class MixtralTensors {
 public:
  // Finds the weights in a checkpoint. An error names the tensor, what was found and what the
  // config needs.
  static absl::StatusOr<MixtralTensors> Map(const Checkpoint& checkpoint,
                                            const ModelConfig& config);

  // Takes every weight from a source. Errors are the source's own.
  static absl::StatusOr<MixtralTensors> TakeFrom(TensorSource& source, const ModelConfig& config);

  // For a model without a checkpoint: calls `make` for each tensor, with its classic name.
  static MixtralTensors Make(const ModelConfig& config, const MakeTensor& make);

  const TensorSlice& embed_tokens() const { return embed_tokens_; }  // [vocab_size, hidden_size]
  const TensorSlice& norm() const { return norm_; }                  // [1, hidden_size]
  const TensorSlice& lm_head() const {
    return lm_head_;
  }  // [vocab_size, hidden_size]; embed_tokens if tied

  const LayerTensors& layer(int layer) const { return layers_[layer]; }
  const ExpertTensors& expert(int layer, int expert) const { return experts_[layer][expert]; }

  // Replaces the weights of attention and of experts by what `replace` makes of each.
  void ReplaceWeights(const std::function<TensorSlice(const TensorSlice&)>& replace);
  void ReplaceHead(TensorSlice head) { lm_head_ = std::move(head); }

  // Returns the quantised formats among all weights, in the order of WeightFormat.
  std::vector<WeightFormat> QuantisedFormats() const;

  // Warnings about the checkpoint's tensors that the model does not use, and about unusual names.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  // Takes every tensor, or stops at the first one that the source lacks.
  MixtralTensors(TensorSource& source, const ModelConfig& config);

  TensorSlice embed_tokens_;
  TensorSlice norm_;
  TensorSlice lm_head_;
  std::vector<LayerTensors> layers_;                 // [num_layers]
  std::vector<std::vector<ExpertTensors>> experts_;  // [num_layers][num_experts]
  std::vector<std::string> warnings_;
};

// Returns what numbers the weights are: "bfloat16", or quantised formats as "Q4_K+Q6_K".
std::string NameOfFormats(const MixtralTensors& tensors);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_MIXTRAL_TENSORS_H_
