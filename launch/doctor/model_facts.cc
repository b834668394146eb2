#include "launch/doctor/model_facts.h"

#include <absl/status/status.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include "kernels/base/activity.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/io/fingerprint.h"

namespace octet {
namespace {

constexpr uint64_t kBlockBytes = uint64_t{64} << 10;

// The files that octet, or a converter of models, reads.
constexpr std::array<std::string_view, 6> kModelEndings = {".json",  ".safetensors", ".gguf",
                                                           ".model", ".jinja",       ".txt"};

bool HasModelEnding(const std::string& name) {
  return std::any_of(kModelEndings.begin(), kModelEndings.end(),
                     [&](std::string_view ending) { return name.ends_with(ending); });
}

// A hash of parts of a file, in order.
class FileHash {
 public:
  explicit FileHash(const RandomAccessFile& file) : file_(file) {}

  // Adds the bytes from `begin` to `end`, as far as the file has them.
  absl::Status Add(uint64_t begin, uint64_t end) {
    constexpr uint64_t kPiece = uint64_t{1} << 20;
    end = std::min(end, file_.size());
    for (uint64_t at = begin; at < end; at += kPiece) {
      piece_.resize(std::min(kPiece, end - at));
      absl::Status status = file_.Read(at, piece_);
      if (!status.ok()) return status;
      hash_ = XXH3_64bits_withSeed(piece_.data(), piece_.size(), hash_);
      Activity::OfThisThread().Tick();
    }
    return absl::OkStatus();
  }

  uint64_t value() const { return hash_; }

 private:
  const RandomAccessFile& file_;
  std::vector<std::byte> piece_;
  uint64_t hash_ = 0;
};

// Hashes the head of a file, blocks at even distances, and its last block.
absl::Status AddSample(FileHash& hash, uint64_t bytes, const ModelReading& reading) {
  absl::Status status = hash.Add(0, reading.head_bytes);
  for (uint64_t i = 1; i <= reading.num_blocks && status.ok(); ++i) {
    const uint64_t end =
        bytes / reading.num_blocks * i + (i == reading.num_blocks ? kBlockBytes : 0);
    const uint64_t begin = std::min(end, bytes) - std::min({end, bytes, kBlockBytes});
    status = hash.Add(begin, std::min(end, bytes));
  }
  return status;
}

absl::StatusOr<std::string> HashFile(FileSystem& files, const std::string& path,
                                     const ModelReading& reading) {
  const absl::StatusOr<std::unique_ptr<RandomAccessFile>> file = files.Open(path);
  if (!file.ok()) return file.status();
  FileHash hash(**file);
  const uint64_t bytes = (*file)->size();
  absl::Status status = reading.everything ? hash.Add(0, bytes) : AddSample(hash, bytes, reading);
  if (!status.ok()) return status;
  return ToHex(hash.value());
}

// Returns the names of the files of the model, in `directory`.
std::vector<std::string> ModelFileNames(FileSystem& files, const std::string& path,
                                        const std::string& directory) {
  const absl::StatusOr<std::vector<std::string>> all = files.List(directory);
  std::vector<std::string> names;
  const std::string given = files.IsDirectory(path) ? "" : path.substr(path.rfind('/') + 1);
  const size_t part = given.rfind("-of-");  // NAME-00001-of-00002.gguf
  const size_t stem = part == std::string::npos ? part : given.rfind('-', part - 1);
  for (const std::string& name : all.ok() ? *all : std::vector<std::string>()) {
    if (!files.IsFile(JoinPath(directory, name))) continue;
    const bool is_other_part = stem != std::string::npos && name.size() == given.size() &&
                               name.substr(0, stem) == given.substr(0, stem) &&
                               name.substr(part) == given.substr(part);
    if (given.empty() ? HasModelEnding(name) : name == given || is_other_part)
      names.push_back(name);
  }
  return names;
}

std::string FormatOf(const std::vector<std::string>& names) {
  const auto has = [&](std::string_view beginning, std::string_view ending) {
    return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return name.starts_with(beginning) && name.ends_with(ending);
    });
  };
  if (has("config.json", "")) return "safetensors of Hugging Face";
  if (has("consolidated", ".safetensors")) return "consolidated safetensors";
  if (has("", ".gguf")) return "GGUF";
  return has("", ".safetensors") ? "safetensors without config.json" : "of no known format";
}

}  // namespace

std::string HashOfFile(FileSystem& files, const std::string& path) {
  const absl::StatusOr<std::string> hash = HashFile(files, path, {.everything = true});
  return hash.ok() ? *hash : "";
}

ModelFacts ReadModelFacts(FileSystem& files, const std::string& path, const ModelReading& reading) {
  ModelFacts facts;
  const absl::StatusOr<ModelFiles> model = ModelFiles::Open(files, path);
  if (!model.ok()) facts.set_error(std::string(model.status().message()));
  const std::string directory = files.IsDirectory(path) ? path : DirectoryOf(path);
  const std::vector<std::string> names = ModelFileNames(files, path, directory);
  facts.set_format(FormatOf(names));
  uint64_t bytes = 0;
  for (const std::string& name : names) {
    const absl::StatusOr<FileInfo> info = files.Stat(JoinPath(directory, name));
    if (info.ok()) bytes += info->size;
  }
  ModelReading own = reading;
  own.everything = own.everything || bytes <= own.most_bytes;
  facts.set_is_sampled(!own.everything);
  for (const std::string& name : names) {
    const std::string file = JoinPath(directory, name);
    const absl::StatusOr<FileInfo> info = files.Stat(file);
    const absl::StatusOr<std::string> hash = HashFile(files, file, own);
    if (!hash.ok() && facts.error().empty()) facts.set_error(std::string(hash.status().message()));
    if (!info.ok() || !hash.ok()) continue;
    ModelFileFacts& one = *facts.add_files();
    one.set_name(name);
    one.set_bytes(static_cast<int64_t>(info->size));
    one.set_hash(*hash);
  }
  return facts;
}

}  // namespace octet
