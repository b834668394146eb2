#include "runtime/model/checkpoint.h"

#include <absl/status/status.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "runtime/io/fingerprint.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

using nlohmann::json;

constexpr char kSingle[] = "model.safetensors";
constexpr char kIndex[] = "model.safetensors.index.json";

struct Index {
  std::string path;
  std::map<std::string, std::string> weight_map;  // tensor to shard's file name
  json total_size;  // bytes of all tensors; null where it is not stated
};

absl::Status InvalidCheckpoint(const std::string& where, const std::string& rule) {
  return absl::InvalidArgumentError(
      absl::StrCat(where, ": ", rule, "; download the checkpoint again, or save it anew"));
}

// Why a directory without safetensors can't be served.
absl::Status NoWeights(FileSystem& file_system, const std::string& directory) {
  const absl::StatusOr<std::vector<std::string>> names = file_system.List(directory);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    for (const char* suffix : {".bin", ".pth", ".pt", ".bin.index.json"}) {
      if (!absl::EndsWith(name, suffix)) continue;
      return absl::InvalidArgumentError(
          absl::StrCat(directory, ": has neither ", kSingle, " nor ", kIndex,
                       ", only pickled weights such as ", name,
                       ". Pickle files can run any code when they are read, so they are refused; "
                       "convert them to safetensors "
                       "(transformers: save_pretrained)"));
    }
  }
  return absl::NotFoundError(absl::StrCat(directory, ": has neither ", kSingle, " nor ", kIndex,
                                          "; a Hugging Face model directory has one of them"));
}

absl::StatusOr<Index> ParseIndex(const std::string& path, const json& document) {
  Index index;
  index.path = path;
  if (!document.is_object() || !document.contains("weight_map") ||
      !document["weight_map"].is_object()) {
    return InvalidCheckpoint(path, "has no object weight_map");
  }
  for (const auto& [tensor, shard] : document["weight_map"].items()) {
    if (!shard.is_string())
      return InvalidCheckpoint(path,
                               absl::StrCat("weight_map ", Quoted(tensor), " is not a string"));
    const auto& name = shard.get_ref<const std::string&>();
    if (name.empty() || name == "." || name == ".." ||
        name.find_first_of("/\\") != std::string::npos) {
      return InvalidCheckpoint(
          path, absl::StrCat("weight_map ", Quoted(tensor), " names ", Quoted(name),
                             ", which is not the plain name of a file beside the index"));
    }
    index.weight_map[tensor] = name;
  }
  const json metadata = document.value("metadata", json::object());
  if (metadata.is_object()) index.total_size = metadata.value("total_size", json());
  return index;
}

absl::StatusOr<Index> ReadIndex(FileSystem& file_system, const std::string& path) {
  const auto text = file_system.ReadWhole(path);
  if (!text.ok()) return text.status();
  const auto document = ParseStrictJson(*text, path);
  if (!document.ok()) return document.status();
  return ParseIndex(path, *document);
}

absl::StatusOr<std::vector<SafetensorsFile>> OpenFiles(FileSystem& file_system,
                                                       const std::string& directory,
                                                       const std::set<std::string>& names) {
  std::vector<SafetensorsFile> files;
  for (const std::string& name : names) {
    const std::string path = JoinPath(directory, name);
    if (!file_system.IsFile(path)) {
      return absl::NotFoundError(absl::StrCat(path, ": no such file, but ", kIndex,
                                              " names it; download the missing shard"));
    }
    auto file = SafetensorsFile::Open(file_system, path);
    if (!file.ok()) return file.status();
    files.push_back(*std::move(file));
  }
  return files;
}

using TensorMap = std::map<std::string, CheckpointTensor>;

absl::StatusOr<TensorMap> CollectTensors(const std::vector<SafetensorsFile>& files) {
  TensorMap tensors;
  for (const SafetensorsFile& file : files) {
    for (const SafetensorsTensor& tensor : file.tensors()) {
      const auto [it, inserted] = tensors.insert({tensor.name, {&file.file(), &tensor}});
      if (inserted) continue;
      return InvalidCheckpoint(
          file.file().path(),
          absl::StrCat("tensor ", Quoted(tensor.name), " is also in ", it->second.file->path()));
    }
  }
  return tensors;
}

absl::Status CheckIndex(const std::string& directory, const Index& index,
                        const TensorMap& tensors) {
  for (const auto& [name, shard] : index.weight_map) {
    const auto found = tensors.find(name);
    if (found == tensors.end() || found->second.file->path() != JoinPath(directory, shard)) {
      return InvalidCheckpoint(index.path, absl::StrCat("puts tensor ", Quoted(name), " into ",
                                                        shard, ", which has it not"));
    }
  }
  for (const auto& [name, location] : tensors) {
    if (index.weight_map.contains(name)) continue;
    return InvalidCheckpoint(location.file->path(),
                             absl::StrCat("tensor ", Quoted(name), " is not in ", index.path));
  }
  return absl::OkStatus();
}

// Published indexes are now and then wrong here, and nothing is computed from it: not an error.
std::vector<std::string> CheckTotalSize(const Index& index, const TensorMap& tensors) {
  uint64_t total = 0;
  for (const auto& [name, location] : tensors) total += location.tensor->bytes;
  if (index.total_size.is_null() || index.total_size == json(total)) return {};
  return {absl::StrCat(index.path, ": metadata.total_size is ", index.total_size.dump(),
                       ", but the tensors take ", total,
                       " bytes; the tensors are used as they are")};
}

}  // namespace

absl::StatusOr<Checkpoint> Checkpoint::Open(FileSystem& file_system, const std::string& directory) {
  if (!file_system.IsDirectory(directory)) {
    return absl::NotFoundError(
        absl::StrCat(directory, ": no such directory; a Hugging Face model directory with ",
                     kSingle, " or ", kIndex, " is looked for"));
  }
  const std::string single = JoinPath(directory, kSingle);
  const std::string index = JoinPath(directory, kIndex);
  const bool has_index = file_system.IsFile(index);
  if (!file_system.IsFile(single)) {
    return has_index ? OpenFile(file_system, index) : NoWeights(file_system, directory);
  }
  absl::StatusOr<Checkpoint> checkpoint = OpenFile(file_system, single);
  if (checkpoint.ok() && has_index) {
    checkpoint->warnings_.push_back(
        absl::StrCat(index, ": not used, because ", kSingle,
                     " lies beside it; remove the one that is not meant"));
  }
  return checkpoint;
}

absl::StatusOr<Checkpoint> Checkpoint::OpenFile(FileSystem& file_system, const std::string& path) {
  if (!file_system.IsFile(path)) return absl::NotFoundError(path + ": no such file");
  const std::filesystem::path parts = path;
  Checkpoint checkpoint;
  checkpoint.directory_ = parts.parent_path().string();
  if (parts.extension() != ".json") {
    const absl::Status status = checkpoint.Read(file_system, {parts.filename().string()});
    if (!status.ok()) return status;
    return checkpoint;
  }
  const absl::StatusOr<Index> index = ReadIndex(file_system, path);
  if (!index.ok()) return index.status();
  std::set<std::string> names;
  for (const auto& [tensor, shard] : index->weight_map) names.insert(shard);
  absl::Status status = checkpoint.Read(file_system, names);
  if (status.ok()) status = CheckIndex(checkpoint.directory_, *index, checkpoint.tensors_);
  if (!status.ok()) return status;
  checkpoint.warnings_ = CheckTotalSize(*index, checkpoint.tensors_);
  return checkpoint;
}

absl::Status Checkpoint::Read(FileSystem& file_system, const std::set<std::string>& names) {
  auto files = OpenFiles(file_system, directory_, names);
  if (!files.ok()) return files.status();
  files_ = *std::move(files);
  auto tensors = CollectTensors(files_);
  if (!tensors.ok()) return tensors.status();
  tensors_ = *std::move(tensors);
  Fingerprint fingerprint;
  for (const SafetensorsFile& file : files_) fingerprint.Add(file.fingerprint());
  fingerprint_ = fingerprint.value();
  return absl::OkStatus();
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
