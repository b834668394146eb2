#include "runtime/checkpoint/gguf_model.h"

#include <absl/status/status.h>
#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>

#include <algorithm>
#include <map>
#include <span>
#include <utility>

#include "runtime/checkpoint/gguf_reader.h"
#include "runtime/io/fingerprint.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr char kEnding[] = ".gguf";
constexpr char kSplitCount[] = "split.count";

// What a part of a split model states.
struct Split {
  uint64_t number = 0;  // from 1
  uint64_t count = 0;
  uint64_t num_tensors = 0;  // of all parts

  std::string ToString() const { return absl::StrCat("part ", number, " of ", count); }
};

absl::StatusOr<Split> SplitOf(const GgufFile& file) {
  const auto number = file.metadata().GetUnsigned("split.no");
  if (!number.ok()) return number.status();
  const auto count = file.metadata().GetUnsigned(kSplitCount);
  if (!count.ok()) return count.status();
  const auto num_tensors = file.metadata().GetUnsigned("split.tensors.count");
  if (!num_tensors.ok()) return num_tensors.status();
  if (*number >= *count) {
    return InvalidGguf(file.file().path(),
                       absl::StrCat("metadata 'split.no' counts from 0 and is ", *number,
                                    ", but there are ", *count, " parts"));
  }
  return Split{*number + 1, *count, *num_tensors};
}

// Returns the parts of the path of a file that states this, or an error if it is not named so.
absl::StatusOr<ShardName> NameOf(const std::string& path, const Split& split) {
  const std::optional<ShardName> name = ShardName::Parse(path, kEnding);
  if (name && static_cast<uint64_t>(name->number) == split.number &&
      static_cast<uint64_t>(name->count) == split.count) {
    return *name;
  }
  constexpr uint64_t kMostParts = 99'999;
  if (split.count > kMostParts) {
    return InvalidGguf(path, absl::StrCat("is ", split.ToString(), ", but a model has at most ",
                                          kMostParts, " parts"));
  }
  const ShardName right = {"-", static_cast<int>(split.number), static_cast<int>(split.count),
                           kEnding};
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": its metadata say that it is ", split.ToString(), ", so its name must end with ",
      right.ToString(), "; give all parts the names that they had"));
}

absl::Status CheckAllThere(FileSystem& files, ShardName name) {
  const std::string given = name.ToString();
  std::string first;
  int missing = 0;
  for (name.number = 1; name.number <= name.count; ++name.number) {
    if (files.IsFile(name.ToString())) continue;
    if (missing++ == 0) first = name.ToString();
  }
  if (missing == 0) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(
      first, ": no such file", missing > 1 ? absl::StrCat(", nor ", missing - 1, " more") : "",
      " of the ", name.count, " parts that ", given, " is one of; download the missing parts"));
}

std::string ModelNameOf(const std::string& file_name) {
  const std::optional<ShardName> shard = ShardName::Parse(file_name, kEnding);
  return shard ? absl::StrCat(shard->before, "*-of-", shard->count) : file_name;
}

std::string FirstNames(const std::vector<std::string>& names) {
  constexpr size_t kMost = 4;
  const auto first = std::span(names).first(std::min(kMost, names.size()));
  const std::string more =
      names.size() > kMost ? absl::StrCat(" and ", names.size() - kMost, " more") : "";
  return absl::StrCat(absl::StrJoin(first, ", "), more);
}

bool IsGgufFile(FileSystem& files, const std::string& path) {
  if (absl::EndsWith(path, kEnding)) return true;
  const auto file = files.Open(path);
  return file.ok() && HasGgufMagic(**file);
}

}  // namespace

absl::Status GgufModel::OpenParts(FileSystem& files, ShardName name, uint64_t num_tensors) {
  const std::string given = name.ToString();
  files_.clear();
  uint64_t tensors = 0;
  for (name.number = 1; name.number <= name.count; ++name.number) {
    auto file = GgufFile::Open(files, name.ToString());
    if (!file.ok()) return file.status();
    const absl::StatusOr<Split> split = SplitOf(*file);
    if (!split.ok()) return split.status();
    const absl::StatusOr<ShardName> stated = NameOf(name.ToString(), *split);
    if (!stated.ok()) return stated.status();
    if (split->num_tensors != num_tensors) {
      return InvalidGguf(name.ToString(),
                         absl::StrCat("states ", split->num_tensors, " tensors in all parts, but ",
                                      given, " states ", num_tensors));
    }
    tensors += file->tensors().size();
    files_.push_back(*std::move(file));
  }
  if (tensors == num_tensors) return absl::OkStatus();
  return InvalidGguf(given, absl::StrCat("states ", num_tensors,
                                         " tensors in all parts, but they have ", tensors));
}

absl::Status GgufModel::ListTensors() {
  std::map<std::string, GgufTensorPlace> places;
  for (const GgufFile& file : files_) {
    for (const GgufTensor& tensor : file.tensors()) {
      const auto [place, inserted] = places.insert({tensor.name, {&file, &tensor}});
      if (inserted) continue;
      return InvalidGguf(absl::StrCat(file.file().path(), ": tensor ", Quoted(tensor.name)),
                         absl::StrCat("is also in ", place->second.file->file().path()));
    }
  }
  for (const auto& [name, place] : places) tensors_.push_back(place);
  return absl::OkStatus();
}

bool GgufModel::Has(const std::string& tensor) const {
  return std::any_of(tensors_.begin(), tensors_.end(),
                     [&](const GgufTensorPlace& place) { return place.tensor->name == tensor; });
}

absl::StatusOr<uint64_t> GgufModel::Fingerprint() const {
  constexpr uint64_t kPiece = uint64_t{1} << 20;
  octet::Fingerprint fingerprint;
  for (const GgufFile& file : files_) {
    fingerprint.Add(file.file().size());
    fingerprint.Add(file.header_bytes());
    std::vector<std::byte> piece;
    for (uint64_t at = 0; at < file.header_bytes(); at += piece.size()) {
      piece.resize(std::min(kPiece, file.header_bytes() - at));
      const absl::Status status = file.file().Read(at, piece);
      if (!status.ok()) return status;
      fingerprint.Add(piece);
    }
  }
  return fingerprint.value();
}

absl::StatusOr<GgufModel> GgufModel::Open(FileSystem& files, const std::string& path) {
  auto file = GgufFile::Open(files, path);
  if (!file.ok()) return file.status();
  GgufModel model;
  model.files_.push_back(*std::move(file));
  if (model.metadata().Find(kSplitCount) != nullptr) {
    const absl::StatusOr<Split> split = SplitOf(model.files_.front());
    if (!split.ok()) return split.status();
    if (split->count > 1) {
      const absl::StatusOr<ShardName> name = NameOf(path, *split);
      if (!name.ok()) return name.status();
      if (absl::Status there = CheckAllThere(files, *name); !there.ok()) return there;
      absl::Status parts = model.OpenParts(files, *name, split->num_tensors);
      if (!parts.ok()) return parts;
    }
  }
  if (absl::Status listed = model.ListTensors(); !listed.ok()) return listed;
  return model;
}

absl::StatusOr<std::optional<std::string>> FindGguf(FileSystem& files, const std::string& path) {
  if (!files.IsDirectory(path)) {
    return IsGgufFile(files, path) ? std::optional(path) : std::nullopt;
  }
  const absl::StatusOr<std::vector<std::string>> names = files.List(path);
  if (!names.ok()) return names.status();
  std::map<std::string, std::string> models;  // to the first file of each
  for (const std::string& name : *names) {
    if (absl::StrContains(name, ".safetensors")) return std::nullopt;
    if (absl::EndsWith(name, kEnding)) models.insert({ModelNameOf(name), name});
  }
  if (models.empty()) return std::nullopt;
  if (models.size() == 1) return JoinPath(path, models.begin()->second);
  std::vector<std::string> first_files;
  first_files.reserve(models.size());
  for (const auto& [model, first] : models) first_files.push_back(first);
  return absl::InvalidArgumentError(
      absl::StrCat(path, ": has ", models.size(),
                   " GGUF models; give the file of one of them: ", FirstNames(first_files)));
}

}  // namespace octet
