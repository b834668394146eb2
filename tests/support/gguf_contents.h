// Mixtral models as GGUF files.

#ifndef OCTET_TESTS_SUPPORT_GGUF_CONTENTS_H_
#define OCTET_TESTS_SUPPORT_GGUF_CONTENTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kernels/base/weight_format.h"
#include "proto/sentencepiece.pb.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/checkpoint/model_config.h"

namespace octet {

// The number of the format in files.
uint32_t GgmlTypeOf(WeightFormat format);

// The rows of each head with those of its second half between those of its first.
std::string InterleavedRows(const std::string& bytes, size_t num_rows, size_t head_dim);

// What a GGUF model holds, which a test changes before it is written.
struct GgufContents {
  struct Entry {
    uint32_t type = 0;
    std::string value;
  };
  struct Tensor {
    std::vector<uint64_t> dims;  // innermost first
    uint32_t type = 0;
    std::string bytes;
  };

  std::map<std::string, Entry> entries;  // by key
  std::map<std::string, Tensor> tensors;

  void Set(const std::string& key, uint32_t value);
  void SetFloat(const std::string& key, float value);
  void SetBool(const std::string& key, bool value);
  void SetString(const std::string& key, const std::string& value);
  void SetStrings(const std::string& key, const std::vector<std::string>& values);
  void SetFloats(const std::string& key, const std::vector<float>& values);
  void SetInts(const std::string& key, const std::vector<int32_t>& values);

  // Adds a tensor of zeros; `shape` is outermost first.
  void SetZeros(const std::string& name, const std::vector<uint64_t>& shape);

  // As llama.cpp's converter writes them.
  void SetShape(const ModelConfig& config);
  void SetTokenizer(const sentencepiece::ModelProto& model);
  void SetWeights(const Checkpoint& checkpoint, const ModelConfig& config, bool stacked_experts);

  std::string Bytes() const;  // of one file

  // Deals the tensors out to so many files; the first one has the metadata.
  std::vector<std::string> Parts(int count) const;
};

// The smallest model that is one: a layer with two experts, zeros of float32, and a tokenizer of
// bytes.
GgufContents TinyGguf();

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_GGUF_CONTENTS_H_
