#ifndef OCTET_TESTS_SUPPORT_COUNTING_FILE_SYSTEM_H_
#define OCTET_TESTS_SUPPORT_COUNTING_FILE_SYSTEM_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "tests/support/forwarding_file_system.h"

namespace octet {

// Remembers each read of a random-access file that succeeded. Safe for several threads; outlives
// the files that it opened.
class CountingFileSystem : public ForwardingFileSystem {
 public:
  struct Range {
    uint64_t offset = 0;
    uint64_t bytes = 0;
    bool operator==(const Range&) const = default;
  };

  using ForwardingFileSystem::ForwardingFileSystem;

  absl::StatusOr<std::unique_ptr<RandomAccessFile>> Open(const std::string& path) override;

  uint64_t BytesRead() const;
  uint64_t BytesRead(const std::string& path) const;
  std::vector<Range> Reads(const std::string& path) const;  // in the order in which they ended
  void Reset();                                             // forgets the reads so far

  void Record(const std::string& path, Range range);

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Range>> reads_;  // by path
};

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_COUNTING_FILE_SYSTEM_H_
