// A writer of a routing trace's records to a file.

#ifndef OCTET_RUNTIME_TRACE_TRACE_WRITER_H_
#define OCTET_RUNTIME_TRACE_TRACE_WRITER_H_

#include <absl/status/status.h>

#include <memory>
#include <string>

#include "proto/routing_trace.pb.h"
#include "runtime/io/file.h"

struct ZSTD_CCtx_s;

namespace octet {

// The bytes of a block, about, before it is compressed. A block that was ended early has fewer.
inline constexpr size_t kTraceBlockBytes = size_t{1} << 20;

// The most bytes of a block, unless its only record is larger.
inline constexpr size_t kMostTraceBlockBytes = size_t{256} << 20;

// A writer of whole compressed blocks (proto/routing_trace.proto). Written blocks stay readable,
// whatever happens to the rest.
class TraceWriter {
 public:
  explicit TraceWriter(std::unique_ptr<OutputStream> file);
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;
  ~TraceWriter();

  void AddHeader(const TraceHeader& header);

  // Adds a step, and writes the block if it is full. Leaves `step` unchanged.
  absl::Status AddStep(StepRouting& step);

  // Writes all that was added as a block.
  absl::Status EndBlock();

  // Makes the written bytes survive a loss of power. Any thread may call it.
  absl::Status Sync() { return file_->Sync(); }

  // Call it after EndBlock.
  absl::Status Close() { return file_->Close(); }

  const std::string& path() const { return file_->path(); }

 private:
  void Append(const TraceRecord& record);

  std::unique_ptr<OutputStream> file_;
  ZSTD_CCtx_s* const context_;
  TraceRecord record_;
  std::string block_;
  std::string frame_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_TRACE_WRITER_H_
