// A Mixtral model in double, from the tensors of a GGUF file as they stand there.

#ifndef OCTET_TESTS_SUPPORT_REFERENCE_MIXTRAL_H_
#define OCTET_TESTS_SUPPORT_REFERENCE_MIXTRAL_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "runtime/checkpoint/model_config.h"
#include "tests/support/gguf_contents.h"

namespace octet {

enum class ReferenceActivations {
  kRounded,  // for products with quantised weights, as kernels/base/weight_format.h says
  kExact
};

// Computes one token after the other, in loops. Shares nothing with the engine but the meaning of
// weights' blocks, which weight_format_test compares with ggml's. Heads have adjacent pairs
// rotated, as the file's rows are made for.
class ReferenceMixtral {
 public:
  ReferenceMixtral(const ModelConfig& config, const GgufContents& contents,
                   ReferenceActivations activations);

  // Returns the logits of all tokens of a sequence: [tokens, vocab_size].
  std::vector<double> Logits(const std::vector<int32_t>& tokens);

  // How near the engine's float32 may be to other logits by right: the least distance of an
  // activation from the middle between two 8-bit numbers, in their steps, and of a router's logit
  // from being chosen or not.
  double margin() const { return margin_; }

 private:
  using Vector = std::vector<double>;
  struct Weight {
    int64_t cols = 0;
    bool quantised = false;
    Vector values;  // [rows, cols]
  };
  struct KeysAndValues {
    std::vector<Vector> keys;    // [tokens][kv_heads * head_dim]
    std::vector<Vector> values;  // the same
  };

  const Weight& Find(const std::string& name) const { return weights_.at(name + ".weight"); }
  Vector Norm(const std::string& name, const Vector& x) const;
  Vector Rounded(Vector x);
  Vector Multiply(const std::string& name, const Vector& x) { return Multiply(name, x, 0, 1); }
  Vector Multiply(const std::string& name, const Vector& x, int64_t part, int64_t num_parts);
  void Rotate(Vector& heads, int64_t position) const;
  Vector Attention(int layer, const Vector& x);
  Vector Experts(int layer, const Vector& x);

  const ModelConfig config_;
  const ReferenceActivations activations_;
  std::map<std::string, Weight> weights_;
  std::vector<KeysAndValues> cache_;  // [layers]
  double margin_ = 1;
};

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_REFERENCE_MIXTRAL_H_
