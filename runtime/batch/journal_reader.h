// A reader of the whole records that an attempt has written.

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

// A reader of one part of a journal.
class JournalReader {
 public:
  static absl::StatusOr<JournalReader> Open(FileSystem& files, const std::string& path);

  // Returns the record that begins at a byte, or nullopt if no whole record does. Read the header
  // (at 0) first: the seed comes from it. Reads with ascending offsets are quick.
  absl::StatusOr<std::optional<JournalRecord>> Read(uint64_t offset);

  // Returns where the next whole record may begin after a damaged one at `offset`: after its
  // newline or, if that is damaged too, inside the longer line. Returns size() if the file ends
  // before.
  absl::StatusOr<uint64_t> Skip(uint64_t offset);

  // Returns the end of the record that was read last.
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
