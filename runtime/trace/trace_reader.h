// Records of a routing trace, from a file.

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

// Gives out the records of whole blocks. A file that an attempt did not live to end may have a torn
// block after them: it counts as the end. A damaged block with a whole one behind it is an error.
class TraceReader {
 public:
  static absl::StatusOr<TraceReader> Open(FileSystem& files, const std::string& path);

  // The next record; null at the end. Valid until the next call. Each is checked against the header
  // before it.
  absl::StatusOr<const TraceRecord*> Next();

  // The header of the attempt that the last record is of.
  const TraceHeader& header() const { return header_; }

  // After the end: bytes of the whole blocks, and of what follows them.
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
