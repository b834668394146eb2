// The weights of a model directory: one model.safetensors, or shards with an index, or any
// safetensors in the directory.

#ifndef OCTET_RUNTIME_CHECKPOINT_CHECKPOINT_H_
#define OCTET_RUNTIME_CHECKPOINT_CHECKPOINT_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/checkpoint/safetensors.h"
#include "runtime/io/file.h"

namespace octet {

// The place of a tensor. Both pointers point into the Checkpoint that returned them, and stay valid
// when it is moved.
struct CheckpointTensor {
  const RandomAccessFile* file = nullptr;
  const SafetensorsTensor* tensor = nullptr;
};

// All tensors of a model, by name. Opening reads the headers and the index, and no weights except
// tensors that are in two files. Every shard is present and valid, and has the tensors that the
// index lists. Harmless differences are warnings.
class Checkpoint {
 public:
  // Opens the files that transformers opens: model.safetensors, else model.safetensors.index.json
  // and its shards. If neither exists, opens what vLLM opens: all other safetensors, or else
  // Mistral's consolidated*.safetensors. If there are none, the error says what the directory has
  // instead.
  static absl::StatusOr<Checkpoint> Open(FileSystem& file_system, const std::string& directory);

  // Opens one .safetensors file alone, or the shards of an index, which is a .json file beside
  // them.
  static absl::StatusOr<Checkpoint> OpenFile(FileSystem& file_system, const std::string& path);

  std::optional<CheckpointTensor> Find(const std::string& name) const;
  std::vector<std::string> Names() const;  // sorted

  const std::string& directory() const { return directory_; }
  const std::vector<SafetensorsFile>& files() const { return files_; }  // by name
  const std::vector<std::string>& warnings() const { return warnings_; }

  // Returns a hash of all headers and file sizes. It is equal on ranks that see the same
  // checkpoint. It changes with any tensor's name, type, shape or place, but not with its values.
  uint64_t fingerprint() const { return fingerprint_; }

 private:
  Checkpoint() = default;

  static absl::StatusOr<Checkpoint> OpenIndex(FileSystem& file_system, const std::string& path);
  static absl::StatusOr<Checkpoint> OpenWithoutIndex(FileSystem& file_system,
                                                     const std::string& directory,
                                                     const std::vector<std::string>& names);

  // Reads these files of directory_, all of them. `index` is the file that names them, or empty.
  absl::Status Read(FileSystem& file_system, const std::set<std::string>& names,
                    const std::string& index);
  absl::Status AddTensors(const SafetensorsFile& file, uint64_t& compared_bytes);

  // Warns about those files whose names look like weights of the model.
  void WarnOfFilesNotRead(const std::vector<std::string>& names, const std::string& why);

  std::string directory_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, CheckpointTensor> tensors_;
  std::vector<std::string> warnings_;
  uint64_t fingerprint_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_CHECKPOINT_H_
