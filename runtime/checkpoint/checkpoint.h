// A model directory's weights: one model.safetensors, or shards with an index, or whatever
// safetensors lie there.

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

// Where a tensor lies. Both point into the Checkpoint that gave it, and stay good when that is
// moved.
struct CheckpointTensor {
  const RandomAccessFile* file = nullptr;
  const SafetensorsTensor* tensor = nullptr;
};

// All tensors of a model by name. Opening reads the headers and the index, and no weights but those
// that lie in two files; every shard is there and valid, and has what the index says of it. What
// differs without harm is a warning.
class Checkpoint {
 public:
  // As transformers: model.safetensors where it is there, else model.safetensors.index.json and its
  // shards. Where there is neither, as vLLM: all other safetensors, or else Mistral's
  // consolidated*.safetensors. Of a directory without any the error says what it has instead.
  static absl::StatusOr<Checkpoint> Open(FileSystem& file_system, const std::string& directory);

  // One .safetensors file alone, or the shards of an index, a .json file beside them.
  static absl::StatusOr<Checkpoint> OpenFile(FileSystem& file_system, const std::string& path);

  std::optional<CheckpointTensor> Find(const std::string& name) const;
  std::vector<std::string> Names() const;  // sorted

  const std::string& directory() const { return directory_; }
  const std::vector<SafetensorsFile>& files() const { return files_; }  // by name
  const std::vector<std::string>& warnings() const { return warnings_; }

  // A hash of all headers and file sizes: equal on ranks that see the same checkpoint, and other
  // after a change of any tensor's name, type, shape or place (not of its values).
  uint64_t fingerprint() const { return fingerprint_; }

 private:
  Checkpoint() = default;

  static absl::StatusOr<Checkpoint> OpenIndex(FileSystem& file_system, const std::string& path);
  static absl::StatusOr<Checkpoint> OpenWithoutIndex(FileSystem& file_system,
                                                     const std::string& directory,
                                                     const std::vector<std::string>& names);

  // These files of directory_, all of them. `index` is the one that names them; empty: none.
  absl::Status Read(FileSystem& file_system, const std::set<std::string>& names,
                    const std::string& index);
  absl::Status AddTensors(const SafetensorsFile& file, uint64_t& compared_bytes);

  // Warns of those files that look, by their names, like weights of the model.
  void WarnOfFilesNotRead(const std::vector<std::string>& names, const std::string& why);

  std::string directory_;
  std::vector<SafetensorsFile> files_;
  std::map<std::string, CheckpointTensor> tensors_;
  std::vector<std::string> warnings_;
  uint64_t fingerprint_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_CHECKPOINT_H_
