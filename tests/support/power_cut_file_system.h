#ifndef OCTET_TESTS_SUPPORT_POWER_CUT_FILE_SYSTEM_H_
#define OCTET_TESTS_SUPPORT_POWER_CUT_FILE_SYSTEM_H_

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "runtime/io/file.h"

namespace octet {

// A disk whose power is cut at a chosen call. Promises no more than POSIX does: bytes are there
// after their file was synced, names after their directory was; of all else any part may be there,
// bytes in their order, names in any.
class PowerCutFileSystem : public FileSystem {
 public:
  explicit PowerCutFileSystem(const std::map<std::string, std::string>& files);

  int64_t cut_at = -1;  // the number of the changing call, from 0; negative: never

  // Calls so far that change something.
  int64_t calls() const { return calls_; }
  bool is_cut() const { return cut_at >= 0 && calls_ > cut_at; }

  // What may be found when the power is back.
  std::map<std::string, std::string> AfterCut(std::mt19937& random) const;

  absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<InputStream>> OpenInput(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<OutputStream>> CreateOutput(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<OutputStream>> CreateNew(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<FileLock>> LockExisting(const std::string& path) override;
  absl::StatusOr<FileInfo> Stat(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status RehearseRename(const std::string&, const std::string&) override { return Call(); }
  absl::Status RemoveDirectory(const std::string& path) override;
  absl::StatusOr<std::string> Resolve(const std::string& path) override { return path; }
  absl::StatusOr<uint64_t> AvailableBytes(const std::string&) override { return uint64_t{1} << 40; }
  absl::Status Remove(const std::string& path) override;
  absl::Status MakeDirectories(const std::string& path) override;
  absl::Status Sync(const std::string& path) override;
  bool Exists(const std::string& path) override { return IsFile(path) || IsDirectory(path); }
  bool IsFile(const std::string& path) override { return names_.contains(path); }
  bool IsDirectory(const std::string& path) override { return directories_.contains(path); }
  bool IsSame(const std::string& a, const std::string& b) override { return a == b; }
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;

 private:
  class Output;
  struct Inode {
    std::string bytes;
    size_t synced = 0;  // of them
  };
  using Names = std::map<std::string, std::shared_ptr<Inode>>;

  // One change of the directories, which is whole or not at all. A null inode: the name goes.
  using Change = std::vector<std::pair<std::string, std::shared_ptr<Inode>>>;

  absl::Status Call();
  void Make(Change change);
  static void Apply(const Change& change, Names& names);

  Names names_;
  Names durable_names_;
  std::vector<Change> pending_;  // in order
  std::set<std::string> directories_;
  std::set<std::string> durable_directories_;
  int64_t calls_ = 0;
};

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_POWER_CUT_FILE_SYSTEM_H_
