#ifndef OCTET_TESTS_SUPPORT_FORWARDING_FILE_SYSTEM_H_
#define OCTET_TESTS_SUPPORT_FORWARDING_FILE_SYSTEM_H_

#include <memory>
#include <string>
#include <vector>

#include "runtime/io/file.h"

namespace octet {

// Passes everything on to another file system, for tests that change one thing.
class ForwardingFileSystem : public FileSystem {
 public:
  explicit ForwardingFileSystem(FileSystem& base) : base_(base) {}

  absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& path) override {
    return base_.Open(path);
  }
  absl::StatusOr<std::unique_ptr<InputStream>> OpenInput(const std::string& path) override {
    return base_.OpenInput(path);
  }
  absl::StatusOr<std::unique_ptr<OutputStream>> CreateOutput(const std::string& path) override {
    return base_.CreateOutput(path);
  }
  absl::StatusOr<std::unique_ptr<OutputStream>> CreateNew(const std::string& path) override {
    return base_.CreateNew(path);
  }
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override {
    return base_.Lock(path);
  }
  absl::StatusOr<std::unique_ptr<FileLock>> LockExisting(const std::string& path) override {
    return base_.LockExisting(path);
  }
  absl::StatusOr<FileInfo> Stat(const std::string& path) override { return base_.Stat(path); }
  absl::Status Sync(const std::string& path) override { return base_.Sync(path); }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return base_.Rename(from, to);
  }
  absl::Status RehearseRename(const std::string& directory, const std::string& path) override {
    return base_.RehearseRename(directory, path);
  }
  absl::Status RemoveDirectory(const std::string& path) override {
    return base_.RemoveDirectory(path);
  }
  absl::StatusOr<std::string> Resolve(const std::string& path) override {
    return base_.Resolve(path);
  }
  absl::StatusOr<uint64_t> AvailableBytes(const std::string& directory) override {
    return base_.AvailableBytes(directory);
  }
  absl::Status Remove(const std::string& path) override { return base_.Remove(path); }
  absl::Status MakeDirectories(const std::string& path) override {
    return base_.MakeDirectories(path);
  }
  bool Exists(const std::string& path) override { return base_.Exists(path); }
  bool IsFile(const std::string& path) override { return base_.IsFile(path); }
  bool IsDirectory(const std::string& path) override { return base_.IsDirectory(path); }
  bool IsSame(const std::string& a, const std::string& b) override { return base_.IsSame(a, b); }
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override {
    return base_.List(directory);
  }

 protected:
  FileSystem& base_;
};

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_FORWARDING_FILE_SYSTEM_H_
