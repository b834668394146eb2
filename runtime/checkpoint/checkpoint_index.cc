#include "runtime/checkpoint/checkpoint_index.h"

#include <absl/status/status.h>
#include <absl/strings/ascii.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <optional>

#include "runtime/checkpoint/shard_name.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

using nlohmann::json;

bool IsPlainName(const std::string& name) {
  constexpr size_t kMostBytes = 255;  // that file systems accept
  return !name.empty() && name.size() <= kMostBytes && name != "." && name != ".." &&
         name.find_first_of("/\\") == std::string::npos &&
         std::none_of(name.begin(), name.end(), absl::ascii_iscntrl);
}

absl::StatusOr<CheckpointIndex> Parse(const std::string& path, const json& document) {
  const auto invalid = [&path](const std::string& rule) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": ", rule, "; download the checkpoint again, or save it anew"));
  };
  CheckpointIndex index;
  index.path = path;
  if (!document.is_object() || !document.contains("weight_map") ||
      !document["weight_map"].is_object()) {
    return invalid("has no object weight_map");
  }
  for (const auto& [tensor, shard] : document["weight_map"].items()) {
    if (!shard.is_string()) {
      return invalid(absl::StrCat("weight_map ", Quoted(tensor), " is not a string"));
    }
    const auto& name = shard.get_ref<const std::string&>();
    if (!IsPlainName(name)) {
      return invalid(absl::StrCat("weight_map ", Quoted(tensor), " names ", Quoted(name),
                                  ", which is not the plain name of a file beside the index"));
    }
    index.weight_map[tensor] = name;
  }
  const json metadata = document.value("metadata", json::object());
  if (metadata.is_object()) index.total_size = metadata.value("total_size", json());
  return index;
}

}  // namespace

absl::StatusOr<CheckpointIndex> CheckpointIndex::Read(FileSystem& files, const std::string& path) {
  const auto text = files.ReadWhole(path);
  if (!text.ok()) return text.status();
  const auto document = ParseStrictJson(*text, path);
  if (!document.ok()) return document.status();
  return Parse(path, *document);
}

std::set<std::string> CheckpointIndex::Shards() const {
  std::set<std::string> names;
  for (const auto& [tensor, shard] : weight_map) names.insert(shard);
  return names;
}

std::vector<std::string> MissingShards(const std::vector<std::string>& names) {
  constexpr size_t kMost = 1000;
  const std::set<std::string> there(names.begin(), names.end());
  std::set<std::string> missing;
  std::set<std::pair<std::string, int>> checked;
  for (const std::string& name : names) {
    std::optional<ShardName> shard = ShardName::Parse(name, ".safetensors");
    if (!shard || !checked.insert({shard->before, shard->count}).second) continue;
    for (shard->number = 1; shard->number <= shard->count && missing.size() < kMost;
         ++shard->number) {
      if (!there.contains(shard->ToString())) missing.insert(shard->ToString());
    }
  }
  return {missing.begin(), missing.end()};
}

}  // namespace octet
