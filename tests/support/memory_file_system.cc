#include "tests/support/memory_file_system.h"

#include <absl/strings/str_cat.h>

#include <cstring>
#include <filesystem>
#include <utility>

namespace octet {
namespace {

class MemoryFile : public RandomAccessFile {
 public:
  MemoryFile(std::string bytes, std::string path)
      : bytes_(std::move(bytes)), path_(std::move(path)) {}

  absl::Status Read(uint64_t offset, std::span<std::byte> out) const override {
    if (offset > bytes_.size() || out.size() > bytes_.size() - offset) {
      return absl::DataLossError(absl::StrCat(path_, ": ends before byte ", offset + out.size()));
    }
    if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return absl::OkStatus();
  }
  uint64_t size() const override { return bytes_.size(); }
  const std::string& path() const override { return path_; }

 private:
  std::string bytes_;
  std::string path_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RandomAccessFile>> MemoryFileSystem::Open(const std::string& path) {
  const auto found = files.find(path);
  if (found == files.end()) return absl::NotFoundError(absl::StrCat(path, ": no such file"));
  return std::make_unique<MemoryFile>(found->second, path);
}

bool MemoryFileSystem::IsFile(const std::string& path) { return files.contains(path); }

bool MemoryFileSystem::IsDirectory(const std::string& path) { return !List(path).empty(); }

std::vector<std::string> MemoryFileSystem::List(const std::string& directory) {
  const auto parent = (std::filesystem::path(directory) / "").parent_path();  // no slash at the end
  std::vector<std::string> names;
  for (const auto& [path, bytes] : files) {
    const std::filesystem::path file(path);
    if (file.parent_path() == parent) names.push_back(file.filename().string());
  }
  return names;
}

}  // namespace octet
