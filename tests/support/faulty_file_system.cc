#include "tests/support/faulty_file_system.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

namespace octet {
namespace {

class FaultyFile : public RandomAccessFile {
 public:
  FaultyFile(std::unique_ptr<RandomAccessFile> base, FaultyFileSystem& files)
      : base_(std::move(base)), files_(files) {}

  absl::Status Read(uint64_t offset, std::span<std::byte> out) const override {
    const absl::Status status = files_.Call(path());
    return status.ok() ? base_->Read(offset, out) : status;
  }
  absl::StatusOr<Buffer> Map(uint64_t offset, size_t bytes) const override {
    const absl::Status status = files_.Call(path());
    if (!status.ok()) return status;
    return base_->Map(offset, bytes);
  }
  uint64_t size() const override { return base_->size(); }
  const std::string& path() const override { return base_->path(); }

 private:
  std::unique_ptr<RandomAccessFile> base_;
  FaultyFileSystem& files_;
};

class FaultyInput : public InputStream {
 public:
  FaultyInput(std::unique_ptr<InputStream> base, FaultyFileSystem& files)
      : base_(std::move(base)), files_(files) {}

  absl::StatusOr<size_t> Read(std::span<std::byte> out) override {
    const absl::Status status = files_.Call(path());
    if (!status.ok()) return status;
    return base_->Read(out.first(std::min(out.size(), files_.most_bytes_per_read)));
  }
  const std::string& path() const override { return base_->path(); }

 private:
  std::unique_ptr<InputStream> base_;
  FaultyFileSystem& files_;
};

class FaultyOutput : public OutputStream {
 public:
  FaultyOutput(std::unique_ptr<OutputStream> base, FaultyFileSystem& files)
      : base_(std::move(base)), files_(files) {}

  absl::Status Write(std::span<const std::byte> bytes) override {
    const absl::Status status = files_.Call(path());
    return status.ok() ? base_->Write(bytes) : status;
  }
  absl::Status Sync() override {
    const absl::Status status = files_.Call(path());
    return status.ok() ? base_->Sync() : status;
  }
  absl::Status Close() override {
    const absl::Status status = files_.Call(path());
    return status.ok() ? base_->Close() : status;
  }
  const std::string& path() const override { return base_->path(); }

 private:
  std::unique_ptr<OutputStream> base_;
  FaultyFileSystem& files_;
};

class FaultyLock : public FileLock {
 public:
  FaultyLock(std::unique_ptr<FileLock> base, std::string path, FaultyFileSystem& files)
      : base_(std::move(base)), path_(std::move(path)), files_(files) {}

  absl::Status Write(std::string_view text) override {
    const absl::Status status = files_.Call(path_);
    return status.ok() ? base_->Write(text) : status;
  }

 private:
  std::unique_ptr<FileLock> base_;
  std::string path_;
  FaultyFileSystem& files_;
};

// What was opened, wrapped.
template <class Faulty, class Base, class... Arguments>
absl::StatusOr<std::unique_ptr<Base>> Wrap(absl::StatusOr<std::unique_ptr<Base>> base,
                                           Arguments&&... arguments) {
  if (!base.ok()) return base;
  return std::make_unique<Faulty>(*std::move(base), std::forward<Arguments>(arguments)...);
}

}  // namespace

absl::Status FaultyFileSystem::Call(const std::string& path) {
  if (calls_++ != fail_at) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(path, ": disk on fire"));
}

absl::StatusOr<std::unique_ptr<RandomAccessFile>> FaultyFileSystem::Open(const std::string& path) {
  const absl::Status status = Call(path);
  if (!status.ok()) return status;
  return Wrap<FaultyFile>(base_.Open(path), *this);
}

absl::StatusOr<std::unique_ptr<InputStream>> FaultyFileSystem::OpenInput(const std::string& path) {
  const absl::Status status = Call(path);
  if (!status.ok()) return status;
  return Wrap<FaultyInput>(base_.OpenInput(path), *this);
}

absl::StatusOr<std::unique_ptr<OutputStream>> FaultyFileSystem::CreateOutput(
    const std::string& path) {
  const absl::Status status = Call(path);
  if (!status.ok()) return status;
  return Wrap<FaultyOutput>(base_.CreateOutput(path), *this);
}

absl::StatusOr<std::unique_ptr<OutputStream>> FaultyFileSystem::CreateNew(const std::string& path) {
  const absl::Status status = Call(path);
  if (!status.ok()) return status;
  return Wrap<FaultyOutput>(base_.CreateNew(path), *this);
}

absl::StatusOr<std::unique_ptr<FileLock>> FaultyFileSystem::Lock(const std::string& path) {
  const absl::Status status = Call(path);
  if (!status.ok()) return status;
  return Wrap<FaultyLock>(base_.Lock(path), path, *this);
}

absl::StatusOr<std::unique_ptr<FileLock>> FaultyFileSystem::LockExisting(const std::string& path) {
  const absl::Status status = Call(path);
  if (!status.ok()) return status;
  return Wrap<FaultyLock>(base_.LockExisting(path), path, *this);
}

absl::StatusOr<std::string> FaultyFileSystem::Resolve(const std::string& path) {
  const absl::Status status = Call(path);
  if (!status.ok()) return status;
  return base_.Resolve(path);
}

absl::StatusOr<uint64_t> FaultyFileSystem::AvailableBytes(const std::string& directory) {
  const absl::Status status = Call(directory);
  if (!status.ok()) return status;
  return base_.AvailableBytes(directory);
}

absl::Status FaultyFileSystem::RehearseRename(const std::string& directory,
                                              const std::string& path) {
  const absl::Status status = Call(path);
  return status.ok() ? base_.RehearseRename(directory, path) : status;
}

absl::Status FaultyFileSystem::RemoveDirectory(const std::string& path) {
  const absl::Status status = Call(path);
  return status.ok() ? base_.RemoveDirectory(path) : status;
}

absl::StatusOr<FileInfo> FaultyFileSystem::Stat(const std::string& path) {
  const absl::Status status = Call(path);
  if (!status.ok()) return status;
  return base_.Stat(path);
}

absl::Status FaultyFileSystem::MakeDirectories(const std::string& path) {
  const absl::Status status = Call(path);
  return status.ok() ? base_.MakeDirectories(path) : status;
}

absl::Status FaultyFileSystem::Sync(const std::string& path) {
  const absl::Status status = Call(path);
  return status.ok() ? base_.Sync(path) : status;
}

absl::StatusOr<std::vector<std::string>> FaultyFileSystem::List(const std::string& directory) {
  const absl::Status status = Call(directory);
  if (!status.ok()) return status;
  return base_.List(directory);
}

absl::Status FaultyFileSystem::Remove(const std::string& path) {
  const absl::Status status = Call(path);
  return status.ok() ? base_.Remove(path) : status;
}

absl::Status FaultyFileSystem::Rename(const std::string& from, const std::string& to) {
  const absl::Status status = Call(from);
  return status.ok() ? base_.Rename(from, to) : status;
}

}  // namespace octet
