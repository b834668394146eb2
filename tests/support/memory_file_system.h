#ifndef OCTET_TESTS_SUPPORT_MEMORY_FILE_SYSTEM_H_
#define OCTET_TESTS_SUPPORT_MEMORY_FILE_SYSTEM_H_

#include <absl/status/statusor.h>

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "runtime/io/file.h"

namespace octet {

// Files as a map from path to bytes; a directory exists where a file lies in it. An open file keeps
// the bytes that it had when it was opened.
class MemoryFileSystem : public FileSystem {
 public:
  absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<InputStream>> OpenInput(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<OutputStream>> CreateOutput(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<OutputStream>> CreateNew(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<FileLock>> LockExisting(const std::string& path) override;
  absl::StatusOr<FileInfo> Stat(const std::string& path) override;
  absl::Status Sync(const std::string&) override { return absl::OkStatus(); }
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status RehearseRename(const std::string&, const std::string&) override { return rehearsal; }
  absl::Status RemoveDirectory(const std::string& path) override;
  absl::StatusOr<std::string> Resolve(const std::string& path) override;
  absl::StatusOr<uint64_t> AvailableBytes(const std::string&) override { return Room(); }
  absl::Status Remove(const std::string& path) override;
  absl::Status MakeDirectories(const std::string&) override { return absl::OkStatus(); }
  bool Exists(const std::string& path) override { return IsFile(path) || IsDirectory(path); }
  bool IsFile(const std::string& path) override;
  bool IsDirectory(const std::string& path) override;
  bool IsSame(const std::string& a, const std::string& b) override { return a == b; }
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;

  std::map<std::string, std::string> files;
  std::map<std::string, int64_t> mtimes;     // 0 where nothing is said
  std::map<std::string, std::string> links;  // symbolic ones of files: where each leads
  bool can_lock = true;
  absl::Status rehearsal;                 // what each RehearseRename returns
  uint64_t capacity = uint64_t{1} << 40;  // bytes of all files; more can't be written

  // The name of the file that was made under this one.
  const std::string& NameNow(const std::string& path) const;

  // What is left of the capacity.
  uint64_t Room() const;

 private:
  std::set<std::string> locked_;
  std::map<std::string, std::string> renamed_;  // files, to the name that each has now
};

// What such a file system says of a path where nothing is.
absl::Status NoSuchFile(const std::string& path);

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_MEMORY_FILE_SYSTEM_H_
