#ifndef OCTET_RUNTIME_CHECKPOINT_SHARD_NAME_H_
#define OCTET_RUNTIME_CHECKPOINT_SHARD_NAME_H_

#include <optional>
#include <string>

namespace octet {

// The parts of "model-00002-of-00003.safetensors".
struct ShardName {
  std::string before;  // "model-"; of a path, with its directory
  int number = 0;      // from 1
  int count = 0;
  std::string ending;  // ".safetensors"

  std::string ToString() const;

  // Returns nullopt if the name does not have this form and ending.
  static std::optional<ShardName> Parse(const std::string& name, const std::string& ending);
};

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_SHARD_NAME_H_
