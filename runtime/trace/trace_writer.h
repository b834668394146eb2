// Records of a routing trace, to a file.

#ifndef OCTET_RUNTIME_TRACE_TRACE_WRITER_H_
#define OCTET_RUNTIME_TRACE_TRACE_WRITER_H_

#include <absl/status/status.h>

#include <memory>
#include <string>

#include "proto/routing_trace.pb.h"
#include "runtime/io/file.h"

struct ZSTD_CCtx_s;

namespace octet {

// A block has about so many bytes before it is compressed, or less where it was ended early.
inline constexpr size_t kTraceBlockBytes = size_t{1} << 20;

// No block has more than this, but for one whose only record has.
inline constexpr size_t kMostTraceBlockBytes = size_t{256} << 20;

// Compresses whole blocks (proto/routing_trace.proto): what was written can be read, whatever
// becomes of the rest.
class TraceWriter {
 public:
  explicit TraceWriter(std::unique_ptr<OutputStream> file);
  TraceWriter(const TraceWriter&) = delete;
  TraceWriter& operator=(const TraceWriter&) = delete;
  ~TraceWriter();

  void AddHeader(const TraceHeader& header);

  // Writes blocks that are full. `step` is as before when it returns.
  absl::Status AddStep(StepRouting& step);

  // Writes what was added.
  absl::Status EndBlock();

  // Makes what was written survive a loss of power. From any thread.
  absl::Status Sync() { return file_->Sync(); }

  // After EndBlock.
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
