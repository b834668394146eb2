// The GGUF files of one model: one file, or all parts of a split one.

#ifndef OCTET_RUNTIME_CHECKPOINT_GGUF_MODEL_H_
#define OCTET_RUNTIME_CHECKPOINT_GGUF_MODEL_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "runtime/checkpoint/gguf_file.h"
#include "runtime/checkpoint/shard_name.h"
#include "runtime/io/file.h"

namespace octet {

// The place of a tensor. Both pointers point into the GgufModel that returned them, and stay valid
// when it is moved.
struct GgufTensorPlace {
  const GgufFile* file = nullptr;
  const GgufTensor* tensor = nullptr;
};

// All tensors of a model. Every part of a split model is present, states its number truly, and no
// tensor is in two parts. Source of the splits: https://github.com/ggml-org/llama.cpp,
// tools/gguf-split.
class GgufModel {
 public:
  // Opens a file, and if it is one of NAME-00001-of-00003.gguf, all of these. Reads headers only.
  static absl::StatusOr<GgufModel> Open(FileSystem& files, const std::string& path);

  const std::vector<GgufFile>& files() const { return files_; }  // by number

  // Returns the metadata of the first file. Other parts have no more than what they are part of.
  const GgufMetadata& metadata() const { return files_.front().metadata(); }

  const std::vector<GgufTensorPlace>& tensors() const { return tensors_; }  // by name
  bool Has(const std::string& tensor) const;

  // Returns a hash of the headers and sizes of all files. It changes with any metadata and with any
  // tensor's name, type, shape or place, but not with the tensors' values.
  absl::StatusOr<uint64_t> Fingerprint() const;

 private:
  GgufModel() = default;

  absl::Status OpenParts(FileSystem& files, ShardName name, uint64_t num_tensors);
  absl::Status ListTensors();

  std::vector<GgufFile> files_;
  std::vector<GgufTensorPlace> tensors_;
};

// Returns the path of a GGUF file: `path` itself, or the first file of the only GGUF model in this
// directory. Returns nullopt if it is another file, or a directory with safetensors or without
// GGUF. If the directory has several models, the error names them.
absl::StatusOr<std::optional<std::string>> FindGguf(FileSystem& files, const std::string& path);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_GGUF_MODEL_H_
