#include "runtime/checkpoint/checkpoint.h"

#include <absl/status/status.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <set>
#include <utility>

#include "runtime/checkpoint/checkpoint_index.h"
#include "runtime/checkpoint/model_path.h"
#include "runtime/io/fingerprint.h"
#include "runtime/io/git_lfs.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr char kSingle[] = "model.safetensors";
constexpr char kIndex[] = "model.safetensors.index.json";
constexpr char kConsolidatedIndex[] = "consolidated.safetensors.index.json";

// The most bytes of tensors that are in two files and are compared. More of them mean two
// checkpoints in one directory.
constexpr uint64_t kMostComparedBytes = uint64_t{1} << 30;

absl::Status InvalidCheckpoint(const std::string& where, const std::string& rule) {
  return absl::InvalidArgumentError(
      absl::StrCat(where, ": ", rule, "; download the checkpoint again, or save it anew"));
}

bool IsConsolidated(const std::string& name) { return absl::StartsWith(name, "consolidated"); }

// Returns the safetensors that have a model's weights or a part of them, by their names.
std::vector<std::string> WeightFiles(const std::vector<std::string>& names) {
  std::vector<std::string> weights;
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".safetensors") || absl::StartsWith(name, "adapter_")) continue;
    weights.push_back(name);
  }
  return weights;
}

// Returns "a" or "a and 3 more".
std::string FirstOf(const std::vector<std::string>& names) {
  if (names.size() == 1) return names.front();
  return absl::StrCat(names.front(), " and ", names.size() - 1, " more");
}

absl::Status CheckAllThere(FileSystem& file_system, const std::string& directory,
                           const std::set<std::string>& names, const std::string& index) {
  std::vector<std::string> missing;
  for (const std::string& name : names) {
    if (!file_system.IsFile(JoinPath(directory, name))) missing.push_back(name);
  }
  if (missing.empty()) return absl::OkStatus();
  const std::string more =
      missing.size() == 1
          ? "; download the missing shard"
          : absl::StrCat(", and ", missing.size() - 1, " more are missing, such as ", missing[1],
                         "; download the missing shards");
  return absl::NotFoundError(absl::StrCat(JoinPath(directory, missing.front()),
                                          ": no such file, but ", index, " names it", more));
}

// Returns whether both have the same type, shape and bytes.
absl::StatusOr<bool> AreEqual(const CheckpointTensor& a, const CheckpointTensor& b) {
  constexpr uint64_t kBlock = uint64_t{1} << 20;
  if (a.tensor->dtype != b.tensor->dtype || a.tensor->shape != b.tensor->shape) return false;
  std::vector<std::byte> left(std::min(kBlock, a.tensor->bytes));
  std::vector<std::byte> right(left.size());
  for (uint64_t at = 0; at < a.tensor->bytes; at += kBlock) {
    left.resize(std::min(kBlock, a.tensor->bytes - at));
    right.resize(left.size());
    absl::Status status = a.file->Read(a.tensor->offset + at, left);
    if (status.ok()) status = b.file->Read(b.tensor->offset + at, right);
    if (!status.ok()) return status;
    if (left != right) return false;
  }
  return true;
}

using TensorMap = std::map<std::string, CheckpointTensor>;

// Returns whether it is a tensor that older checkpoints have and that is computed from the
// configuration.
bool IsComputed(const std::string& name) { return absl::EndsWith(name, "rotary_emb.inv_freq"); }

// The tensors about which an index and the shards disagree.
struct Differences {
  std::vector<std::string> nowhere;    // listed, but in no shard
  std::vector<std::string> computed;   // listed, but in no shard; computed, so not needed
  std::vector<std::string> elsewhere;  // in another shard than listed
  std::vector<std::string> unlisted;

  Differences(const std::string& directory, const CheckpointIndex& index,
              const TensorMap& tensors) {
    for (const auto& [name, shard] : index.weight_map) {
      const auto found = tensors.find(name);
      if (found == tensors.end()) {
        (IsComputed(name) ? computed : nowhere).push_back(Quoted(name));
      } else if (found->second.file->path() != JoinPath(directory, shard)) {
        elsewhere.push_back(Quoted(name));
      }
    }
    for (const auto& [name, location] : tensors) {
      if (!index.weight_map.contains(name) && !IsComputed(name)) unlisted.push_back(Quoted(name));
    }
  }
};

absl::Status CheckIndex(const std::string& directory, const CheckpointIndex& index,
                        const TensorMap& tensors, std::vector<std::string>& warnings) {
  const Differences found(directory, index, tensors);
  if (!found.nowhere.empty()) {
    return InvalidCheckpoint(
        index.path, absl::StrCat("lists tensor ", FirstOf(found.nowhere), ", which no shard has"));
  }
  const auto warn = [&](const std::vector<std::string>& names, const char* text) {
    if (!names.empty()) warnings.push_back(absl::StrCat(index.path, text, FirstOf(names)));
  };
  warn(found.computed, ": lists what no shard has, without harm: tensor ");
  warn(found.elsewhere,
       ": puts into another shard than it lies in, and is read from there: tensor ");
  warn(found.unlisted,
       ": does not list what its shards have and what is read all the same: tensor ");
  return absl::OkStatus();
}

// Warns about a wrong total size. Published indexes are sometimes wrong here, and nothing is
// computed from it, so it is no error.
void CheckTotalSize(const CheckpointIndex& index, const TensorMap& tensors,
                    std::vector<std::string>& warnings) {
  uint64_t total = 0;
  for (const auto& [name, location] : tensors) total += location.tensor->bytes;
  if (index.total_size.is_null() || index.total_size == nlohmann::json(total)) return;
  warnings.push_back(
      absl::StrCat(index.path, ": metadata.total_size is ",
                   index.total_size.is_number() ? index.total_size.dump() : "not a number",
                   ", but the tensors take ", total, " bytes; the tensors are used as they are"));
}

}  // namespace

absl::StatusOr<Checkpoint> Checkpoint::Open(FileSystem& file_system, const std::string& directory) {
  const absl::Status status = CheckModelDirectory(file_system, directory);
  if (!status.ok()) return status;
  const auto names = file_system.List(directory);
  if (!names.ok()) return names.status();
  const std::string single = JoinPath(directory, kSingle);
  const std::string index = JoinPath(directory, kIndex);
  const bool has_index = file_system.IsFile(index);
  const bool has_single = file_system.IsFile(single);
  if (!has_single && !has_index) return OpenWithoutIndex(file_system, directory, *names);
  absl::StatusOr<Checkpoint> checkpoint = OpenFile(file_system, has_single ? single : index);
  if (!checkpoint.ok()) return checkpoint;
  if (has_single && has_index) {
    checkpoint->warnings_.push_back(
        absl::StrCat(index, ": not used, because ", kSingle,
                     " lies beside it; remove the one that is not meant"));
  } else {
    checkpoint->WarnOfFilesNotRead(*names, has_single ? absl::StrCat(kSingle, " lies beside it")
                                                      : absl::StrCat(kIndex, " does not name it"));
  }
  return checkpoint;
}

absl::StatusOr<Checkpoint> Checkpoint::OpenFile(FileSystem& file_system, const std::string& path) {
  if (!file_system.IsFile(path)) return absl::NotFoundError(path + ": no such file");
  absl::Status status = RefuseGitLfsPointer(file_system, path);
  if (!status.ok()) return status;
  const std::filesystem::path parts = path;
  if (parts.extension() == ".json") return OpenIndex(file_system, path);
  Checkpoint checkpoint;
  checkpoint.directory_ = parts.parent_path().string();
  status = checkpoint.Read(file_system, {parts.filename().string()}, "");
  if (!status.ok()) return status;
  return checkpoint;
}

absl::StatusOr<Checkpoint> Checkpoint::OpenIndex(FileSystem& file_system, const std::string& path) {
  const absl::StatusOr<CheckpointIndex> index = CheckpointIndex::Read(file_system, path);
  if (!index.ok()) return index.status();
  Checkpoint checkpoint;
  checkpoint.directory_ = std::filesystem::path(path).parent_path().string();
  absl::Status status = checkpoint.Read(file_system, index->Shards(), path);
  if (!status.ok()) return status;
  status = CheckIndex(checkpoint.directory_, *index, checkpoint.tensors_, checkpoint.warnings_);
  if (!status.ok()) return status;
  CheckTotalSize(*index, checkpoint.tensors_, checkpoint.warnings_);
  return checkpoint;
}

// Reads Mistral's files only if there are no others: they are the same model once more.
absl::StatusOr<Checkpoint> Checkpoint::OpenWithoutIndex(FileSystem& file_system,
                                                        const std::string& directory,
                                                        const std::vector<std::string>& names) {
  std::vector<std::string> all = WeightFiles(names);
  if (all.empty()) return NoWeightsError(file_system, directory);
  std::vector<std::string> read;
  std::remove_copy_if(all.begin(), all.end(), std::back_inserter(read), IsConsolidated);
  const bool consolidated = read.empty();
  if (consolidated) read = all;
  if (consolidated && file_system.IsFile(JoinPath(directory, kConsolidatedIndex))) {
    return OpenIndex(file_system, JoinPath(directory, kConsolidatedIndex));
  }
  const std::vector<std::string> missing = MissingShards(read);
  if (!missing.empty()) {
    return absl::NotFoundError(absl::StrCat(JoinPath(directory, FirstOf(missing)),
                                            ": missing, by the names of the other shards; download "
                                            "what is missing, and ",
                                            kIndex));
  }
  Checkpoint checkpoint;
  checkpoint.directory_ = (std::filesystem::path(directory) / "").parent_path().string();
  const absl::Status status = checkpoint.Read(file_system, {read.begin(), read.end()}, "");
  if (!status.ok()) return status;
  if (!consolidated) {
    checkpoint.warnings_.push_back(
        absl::StrCat(directory, ": has neither ", kSingle, " nor ", kIndex,
                     ", so all its safetensors are read: ", FirstOf(read)));
    checkpoint.WarnOfFilesNotRead(names, "other safetensors lie beside it");
  }
  return checkpoint;
}

absl::Status Checkpoint::Read(FileSystem& file_system, const std::set<std::string>& names,
                              const std::string& index) {
  absl::Status status = CheckAllThere(file_system, directory_, names, index);
  if (!status.ok()) return status;
  for (const std::string& name : names) {
    auto file = SafetensorsFile::Open(file_system, JoinPath(directory_, name));
    if (!file.ok()) return file.status();
    files_.push_back(*std::move(file));
  }
  Fingerprint fingerprint;
  uint64_t compared_bytes = 0;
  for (const SafetensorsFile& file : files_) {
    status = AddTensors(file, compared_bytes);
    if (!status.ok()) return status;
    fingerprint.Add(file.fingerprint());
  }
  fingerprint_ = fingerprint.value();
  return absl::OkStatus();
}

absl::Status Checkpoint::AddTensors(const SafetensorsFile& file, uint64_t& compared_bytes) {
  std::vector<std::string> twice;
  for (const SafetensorsTensor& tensor : file.tensors()) {
    const CheckpointTensor mine = {&file.file(), &tensor};
    const auto [it, inserted] = tensors_.insert({tensor.name, mine});
    if (inserted) continue;
    const std::string also =
        absl::StrCat("tensor ", Quoted(tensor.name), " is also in ", it->second.file->path());
    compared_bytes += tensor.bytes;
    if (compared_bytes > kMostComparedBytes) {
      return InvalidCheckpoint(file.file().path(),
                               also + ", as many others: two checkpoints in one directory");
    }
    const absl::StatusOr<bool> equal = AreEqual(it->second, mine);
    if (!equal.ok()) return equal.status();
    if (!*equal) return InvalidCheckpoint(file.file().path(), also + ", with other values");
    twice.push_back(also);
  }
  if (!twice.empty()) {
    warnings_.push_back(
        absl::StrCat(file.file().path(), ": ", FirstOf(twice), ", with the same values"));
  }
  return absl::OkStatus();
}

void Checkpoint::WarnOfFilesNotRead(const std::vector<std::string>& names, const std::string& why) {
  std::set<std::string> read;
  for (const SafetensorsFile& file : files_) read.insert(file.file().path());
  std::vector<std::string> others;
  for (const std::string& name : WeightFiles(names)) {
    const bool of_model = absl::StartsWith(name, "model") || IsConsolidated(name);
    if (of_model && !read.contains(JoinPath(directory_, name))) others.push_back(name);
  }
  if (others.empty()) return;
  warnings_.push_back(
      absl::StrCat(JoinPath(directory_, FirstOf(others)), ": not read, because ", why));
}

std::optional<CheckpointTensor> Checkpoint::Find(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found == tensors_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> Checkpoint::Names() const {
  std::vector<std::string> names;
  names.reserve(tensors_.size());
  for (const auto& [name, location] : tensors_) names.push_back(name);
  return names;
}

}  // namespace octet
