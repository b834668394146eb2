// A Hugging Face model directory's weights: one model.safetensors, or shards with an index.

#ifndef OCTET_RUNTIME_MODEL_CHECKPOINT_H_
#define OCTET_RUNTIME_MODEL_CHECKPOINT_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/io/file.h"
#include "runtime/model/safetensors.h"

namespace octet {

// Where a tensor lies. Both point into the Checkpoint that gave it, and stay good when that is
// moved.
struct CheckpointTensor {
  const RandomAccessFile* file = nullptr;
  const SafetensorsTensor* tensor = nullptr;
};

// All tensors of a model by name. Opening reads the headers and the index, no weights; every shard
// is there and valid, and the index and the shards name the same tensors, each once.
class Checkpoint {
 public:
  // As transformers: model.safetensors where it is there, else model.safetensors.index.json and its
  // shards.
  static absl::StatusOr<Checkpoint> Open(FileSystem& file_system, const std::string& directory);

  // One .safetensors file alone, or the shards of an index, a .json file beside them.
  static absl::StatusOr<Checkpoint> OpenFile(FileSystem& file_system, const std::string& path);

  std::optional<CheckpointTensor> Find(const std::string& name) const;
  std::vector<std::string> Names() const;  // sorted

  const std::string& directory() const { return directory_; }
  const std::vector<SafetensorsFile>& files() const { return files_; }  // by name
  const std::vector<std::string>& warnings() const { return warnings_; }

  // Of all headers and file sizes: equal on ranks that see the same checkpoint, and other after a
  // change of any tensor's name, type, shape or place (not of its values).
  uint64_t fingerprint() const { return fingerprint_; }

 private:
  Checkpoint() = default;

  // These files of directory_, all of them.
  absl::Status Read(FileSystem& file_system, const std::set<std::string>& names);

  std::string directory_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, CheckpointTensor> tensors_;
  std::vector<std::string> warnings_;
  uint64_t fingerprint_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_CHECKPOINT_H_
