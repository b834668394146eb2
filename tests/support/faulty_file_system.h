#ifndef OCTET_TESTS_SUPPORT_FAULTY_FILE_SYSTEM_H_
#define OCTET_TESTS_SUPPORT_FAULTY_FILE_SYSTEM_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/forwarding_file_system.h"

namespace octet {

// Fails one of the calls that can fail, of its own and of the streams and files that it opened,
// with an error that names the path and says "disk on fire". Outlives what it opened.
class FaultyFileSystem : public ForwardingFileSystem {
 public:
  using ForwardingFileSystem::ForwardingFileSystem;

  std::atomic<int64_t> fail_at = -1;     // the number of the call, from 0; negative: none
  size_t most_bytes_per_read = 1 << 30;  // of an input stream

  // Calls so far that can fail.
  int64_t calls() const { return calls_; }

  absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<InputStream>> OpenInput(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<OutputStream>> CreateOutput(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<OutputStream>> CreateNew(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<FileLock>> Lock(const std::string& path) override;
  absl::StatusOr<std::unique_ptr<FileLock>> LockExisting(const std::string& path) override;
  absl::StatusOr<FileInfo> Stat(const std::string& path) override;
  absl::Status Rename(const std::string& from, const std::string& to) override;
  absl::Status RehearseRename(const std::string& directory, const std::string& path) override;
  absl::Status RemoveDirectory(const std::string& path) override;
  absl::StatusOr<std::string> Resolve(const std::string& path) override;
  absl::StatusOr<uint64_t> AvailableBytes(const std::string& directory) override;
  absl::Status Remove(const std::string& path) override;
  absl::Status MakeDirectories(const std::string& path) override;
  absl::Status Sync(const std::string& path) override;
  absl::StatusOr<std::vector<std::string>> List(const std::string& directory) override;

  // Counts a call.
  absl::Status Call(const std::string& path);

 private:
  std::atomic<int64_t> calls_ = 0;
};

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_FAULTY_FILE_SYSTEM_H_
