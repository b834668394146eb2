#ifndef OCTET_TESTS_SUPPORT_COUNTING_FILE_SYSTEM_H_
#define OCTET_TESTS_SUPPORT_COUNTING_FILE_SYSTEM_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/file.h"

namespace octet {

// Passes everything on to another file system and remembers each read that succeeded. Safe for
// several threads; outlives the files that it opened.
class CountingFileSystem : public FileSystem {
 public:
  struct Range {
    uint64_t offset = 0;
    uint64_t bytes = 0;
    bool operator==(const Range&) const = default;
  };

  explicit CountingFileSystem(FileSystem& base) : base_(base) {}

  absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& path) override;
  bool IsFile(const std::string& path) override { return base_.IsFile(path); }
  bool IsDirectory(const std::string& path) override { return base_.IsDirectory(path); }
  std::vector<std::string> List(const std::string& directory) override {
    return base_.List(directory);
  }

  uint64_t BytesRead() const;
  uint64_t BytesRead(const std::string& path) const;
  std::vector<Range> Reads(const std::string& path) const;  // in the order in which they ended
  void Reset();                                             // forgets the reads so far

  void Record(const std::string& path, Range range);

 private:
  FileSystem& base_;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Range>> reads_;  // by path
};

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_COUNTING_FILE_SYSTEM_H_
