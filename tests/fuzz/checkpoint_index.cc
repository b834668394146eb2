#include "runtime/checkpoint/checkpoint_index.h"

#include <absl/strings/str_split.h>

#include "kernels/base/check.h"
#include "runtime/checkpoint/checkpoint.h"
#include "tests/fuzz/support.h"
#include "tests/fuzz/targets.h"
#include "tests/support/memory_file_system.h"

namespace octet::fuzz {
namespace {

constexpr char kPath[] = "m/model.safetensors.index.json";

// A shard of one tensor of two bytes.
std::string Shard(const std::string& tensor) {
  const std::string header =
      R"({")" + tensor + R"(":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}})";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  return bytes + header + "ab";
}

}  // namespace

void CheckpointIndex(const std::string& bytes) {
  static auto* const kFiles = [] {
    auto* files = new MemoryFileSystem;
    files->files["m/model-00001-of-00002.safetensors"] = Shard("a");
    files->files["m/model-00002-of-00002.safetensors"] = Shard("b");
    return files;
  }();
  kFiles->files[kPath] = bytes;
  const auto index = octet::CheckpointIndex::Read(*kFiles, kPath);
  const auto checkpoint = Checkpoint::OpenFile(*kFiles, kPath);
  if (!index.ok()) CheckError(index.status());
  if (!checkpoint.ok()) return CheckError(checkpoint.status());
  OCTET_CHECK(index.ok());
  for (const std::string& warning : checkpoint->warnings()) CheckMessage(warning);
  for (const auto& [tensor, shard] : index->weight_map)
    OCTET_CHECK(checkpoint->Find(tensor)) << tensor;
  const std::set<std::string> shards = index->Shards();
  MissingShards({shards.begin(), shards.end()});
}

}  // namespace octet::fuzz
