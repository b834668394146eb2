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

// A model.safetensors.index.json: in which shard each tensor lies.
struct CheckpointIndex {
  std::string path;
  std::map<std::string, std::string> weight_map;  // tensor to shard's file name
  nlohmann::json total_size;  // bytes of all tensors; null where it is not stated

  static absl::StatusOr<CheckpointIndex> Read(FileSystem& files, const std::string& path);

  std::set<std::string> Shards() const;
};

// Among files that are named as shards ("model-00001-of-00003.safetensors"), those whose companions
// are all there make no gap; otherwise the names that are missing, sorted, of a great number only
// the first ones.
std::vector<std::string> MissingShards(const std::vector<std::string>& names);

}  // namespace octet

#endif  // OCTET_RUNTIME_CHECKPOINT_CHECKPOINT_INDEX_H_
