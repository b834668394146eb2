#include "tests/support/memory_file_system.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <cstdlib>
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
  absl::StatusOr<Buffer> Map(uint64_t offset, size_t bytes) const override {
    const size_t whole = (bytes + kMapAlignment - 1) / kMapAlignment * kMapAlignment;
    Buffer copy(static_cast<std::byte*>(std::aligned_alloc(kMapAlignment, whole)), bytes,
                [](std::byte* data, size_t) { std::free(data); });
    const absl::Status status = Read(offset, {copy.data(), bytes});
    if (!status.ok()) return status;
    return copy;
  }
  uint64_t size() const override { return bytes_.size(); }
  const std::string& path() const override { return path_; }

 private:
  std::string bytes_;
  std::string path_;
};

class MemoryInput : public InputStream {
 public:
  MemoryInput(std::string bytes, std::string path)
      : bytes_(std::move(bytes)), path_(std::move(path)) {}

  absl::StatusOr<size_t> Read(std::span<std::byte> out) override {
    const size_t n = std::min(out.size(), bytes_.size() - at_);
    std::memcpy(out.data(), bytes_.data() + at_, n);
    at_ += n;
    return n;
  }
  const std::string& path() const override { return path_; }

 private:
  std::string bytes_;
  std::string path_;
  size_t at_ = 0;
};

class MemoryOutput : public OutputStream {
 public:
  MemoryOutput(MemoryFileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  absl::Status Write(std::span<const std::byte> bytes) override {
    const size_t written = std::min(bytes.size(), static_cast<size_t>(files_.Room()));
    files_.files[files_.NameNow(path_)].append(reinterpret_cast<const char*>(bytes.data()),
                                               written);
    if (written == bytes.size()) return absl::OkStatus();
    return absl::ResourceExhaustedError(path_ + ": writing: No space left on device");
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  absl::Status Close() override { return absl::OkStatus(); }
  const std::string& path() const override { return path_; }

 private:
  MemoryFileSystem& files_;
  std::string path_;
};

class MemoryLock : public FileLock {
 public:
  MemoryLock(MemoryFileSystem& files, std::set<std::string>& locked, std::string path)
      : files_(files), locked_(locked), path_(std::move(path)) {
    locked_.insert(path_);
  }
  MemoryLock(const MemoryLock&) = delete;
  MemoryLock& operator=(const MemoryLock&) = delete;
  ~MemoryLock() override { locked_.erase(path_); }

  absl::Status Write(std::string_view text) override {
    files_.files[path_] = text;
    return absl::OkStatus();
  }

 private:
  MemoryFileSystem& files_;
  std::set<std::string>& locked_;
  std::string path_;
};

}  // namespace

absl::Status NoSuchFile(const std::string& path) {
  return absl::NotFoundError(absl::StrCat(path, ": no such file"));
}

absl::StatusOr<std::unique_ptr<InputStream>> MemoryFileSystem::OpenInput(const std::string& path) {
  const auto found = files.find(path);
  if (found == files.end()) return NoSuchFile(path);
  return std::make_unique<MemoryInput>(found->second, path);
}

absl::StatusOr<std::unique_ptr<OutputStream>> MemoryFileSystem::CreateOutput(
    const std::string& path) {
  renamed_.erase(path);
  files[path].clear();
  return std::make_unique<MemoryOutput>(*this, path);
}

absl::StatusOr<std::unique_ptr<OutputStream>> MemoryFileSystem::CreateNew(const std::string& path) {
  if (files.contains(path)) return absl::AlreadyExistsError(absl::StrCat(path, ": exists"));
  return CreateOutput(path);
}

absl::StatusOr<std::unique_ptr<FileLock>> MemoryFileSystem::Lock(const std::string& path) {
  if (!can_lock) return absl::UnimplementedError(absl::StrCat(path, ": no locks available"));
  if (locked_.contains(path)) return absl::UnavailableError(absl::StrCat(path, ": is locked"));
  files.try_emplace(path);
  return std::make_unique<MemoryLock>(*this, locked_, path);
}

absl::StatusOr<std::unique_ptr<FileLock>> MemoryFileSystem::LockExisting(const std::string& path) {
  if (!files.contains(path)) return NoSuchFile(path);
  return Lock(path);
}

absl::StatusOr<FileInfo> MemoryFileSystem::Stat(const std::string& path) {
  const auto found = files.find(path);
  if (found == files.end()) return NoSuchFile(path);
  const auto mtime = mtimes.find(path);
  return FileInfo{.size = found->second.size(),
                  .mtime_ns = mtime == mtimes.end() ? 0 : mtime->second};
}

absl::Status MemoryFileSystem::Rename(const std::string& from, const std::string& to) {
  const auto found = files.find(from);
  if (found == files.end()) return NoSuchFile(from);
  files[to] = std::move(found->second);
  files.erase(from);
  renamed_[from] = to;
  renamed_.erase(to);
  return absl::OkStatus();
}

const std::string& MemoryFileSystem::NameNow(const std::string& path) const {
  const auto renamed = renamed_.find(path);
  return renamed == renamed_.end() ? path : NameNow(renamed->second);
}

absl::Status MemoryFileSystem::Remove(const std::string& path) {
  return files.erase(path) > 0 ? absl::OkStatus() : NoSuchFile(path);
}

absl::Status MemoryFileSystem::RemoveDirectory(const std::string& path) {
  if (List(path)->empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(path, ": is not empty"));
}

absl::StatusOr<std::string> MemoryFileSystem::Resolve(const std::string& path) {
  const auto link = links.find(path);
  return link == links.end() ? path : Resolve(link->second);
}

uint64_t MemoryFileSystem::Room() const {
  uint64_t used = 0;
  for (const auto& [path, bytes] : files) used += bytes.size();
  return capacity - std::min(used, capacity);
}

absl::StatusOr<std::unique_ptr<RandomAccessFile>> MemoryFileSystem::Open(const std::string& path) {
  const auto found = files.find(path);
  if (found == files.end()) return NoSuchFile(path);
  return std::make_unique<MemoryFile>(found->second, path);
}

bool MemoryFileSystem::IsFile(const std::string& path) { return files.contains(path); }

bool MemoryFileSystem::IsDirectory(const std::string& path) {
  return path == "." || !List(path)->empty();
}

absl::StatusOr<std::vector<std::string>> MemoryFileSystem::List(const std::string& directory) {
  const auto parent = (std::filesystem::path(directory) / "").parent_path();  // no slash at the end
  std::vector<std::string> names;
  for (const auto& [path, bytes] : files) {
    const std::filesystem::path file(path);
    if (file.parent_path() == parent) names.push_back(file.filename().string());
  }
  return names;
}

}  // namespace octet
