#ifndef OCTET_RUNTIME_CHECKPOINT_CHECKPOINT_INDEX_H_
#define OCTET_RUNTIME_CHECKPOINT_CHECKPOINT_INDEX_H_

#include <absl/status/statusor.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "runtime/io/file.h"

namespace octet {

// A model.safetensors.index.json, which names the shard of each tensor.
struct CheckpointIndex {
  std::string path;
  std::map<std::string, std::string> weight_map;  // tensor to shard's file name
  nlohmann::json total_size;                      // bytes of all tensors; null if not stated

  static absl::StatusOr<CheckpointIndex> Read(FileSystem& files, const std::string& path);

  std::set<std::string> Shards() const;
};

// Returns the missing shards among files with names of shards ("model-00001-of-00003.safetensors"):
// empty if no set of shards has a gap, otherwise the missing names, sorted. Of a great number
// returns only the first ones.
std::vector<std::string> MissingShards(const std::vector<std::string>& names);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_CHECKPOINT_INDEX_H_
