// Reads what an attempt has written, as far as it is whole.

#ifndef OCTET_RUNTIME_BATCH_JOURNAL_READER_H_
#define OCTET_RUNTIME_BATCH_JOURNAL_READER_H_

#include <absl/functional/function_ref.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/batch/journal_record.h"
#include "runtime/io/file.h"

namespace octet {

// One part of a journal.
class JournalReader {
 public:
  static absl::StatusOr<JournalReader> Open(FileSystem& files, const std::string& path);

  // The record that begins at a byte; none where there is no whole one. After the header was read
  // (at 0) its seed is used. Quick where offsets ascend.
  absl::StatusOr<std::optional<JournalRecord>> Read(uint64_t offset);

  // Where the next whole record may begin, behind a damaged one at a byte: after its newline or,
  // where that is damaged too, before. size() where the file ends without.
  absl::StatusOr<uint64_t> Skip(uint64_t offset);

  // Behind the record that was read last.
  uint64_t next() const { return next_; }
  uint64_t size() const { return file_->size(); }
  const std::string& path() const { return file_->path(); }

 private:
  explicit JournalReader(std::unique_ptr<RandomAccessFile> file) : file_(std::move(file)) {}

  absl::StatusOr<std::optional<std::string_view>> Line(uint64_t offset);

  std::unique_ptr<RandomAccessFile> file_;
  uint64_t seed_ = 0;
  uint64_t next_ = 0;
  std::string window_;  // bytes of the file
  uint64_t window_begin_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_JOURNAL_READER_H_
