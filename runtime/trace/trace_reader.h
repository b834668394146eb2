// A reader of a routing trace's records from a file.

#ifndef OCTET_RUNTIME_TRACE_TRACE_READER_H_
#define OCTET_RUNTIME_TRACE_TRACE_READER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "proto/routing_trace.pb.h"
#include "runtime/io/file.h"

namespace octet {

// A reader that returns the records of whole blocks. After an attempt that was killed, the file may
// end with a torn block: that counts as the end. A damaged block before a whole one is an error.
class TraceReader {
 public:
  static absl::StatusOr<TraceReader> Open(FileSystem& files, const std::string& path);

  // Returns the next record, or null at the end. It is valid until the next call. Each record is
  // checked against the header before it, and all headers have the same layers, experts and top_k.
  absl::StatusOr<const TraceRecord*> Next();

  // Returns the header of the last record's attempt.
  const TraceHeader& header() const { return header_; }

  // After the end: the bytes of the whole blocks, and of what follows them.
  uint64_t whole_bytes() const { return next_frame_; }
  uint64_t torn_bytes() const { return file_->size() - next_frame_; }

  const std::string& path() const { return file_->path(); }

 private:
  explicit TraceReader(std::unique_ptr<RandomAccessFile> file) : file_(std::move(file)) {}

  absl::StatusOr<bool> NextBlock();
  absl::StatusOr<bool> HasWholeFrameAfter(uint64_t offset) const;
  absl::Status Use(const TraceRecord& record);
  absl::Status Damaged(const std::string& why) const;

  std::unique_ptr<RandomAccessFile> file_;
  uint64_t frame_ = 0;       // where the block begins
  uint64_t next_frame_ = 0;  // and ends
  std::string block_;
  size_t next_record_ = 0;  // in the block
  TraceRecord record_;
  TraceHeader header_;
  std::vector<int64_t> local_experts_;  // (layer, expert) pairs of each rank of a group
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_TRACE_READER_H_
