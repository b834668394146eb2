// The file of a routing trace, which grows over the attempts of a job.

#ifndef OCTET_RUNTIME_TRACE_TRACE_FILE_H_
#define OCTET_RUNTIME_TRACE_TRACE_FILE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "parallel/placement/expert_placement.h"
#include "proto/routing_trace.pb.h"
#include "runtime/io/file.h"
#include "runtime/trace/trace_writer.h"

namespace octet {

enum class TraceStart {
  kNew,        // refuses to replace an existing trace
  kResume,     // continues an existing trace
  kOverwrite,  // replaces an existing trace
};

// The trace file of one attempt: a new file that replaces an earlier trace. With kResume it begins
// with the whole blocks of that trace. An earlier attempt that is still alive cannot damage it.
class TraceFile {
 public:
  // Checks an earlier trace, and writes nothing. `header` belongs to the attempt that begins.
  // Errors name the flag --trace. Appends notes for the user to `notes`.
  static absl::StatusOr<std::unique_ptr<TraceFile>> Look(FileSystem& files, const std::string& path,
                                                         TraceStart start, TraceHeader header,
                                                         std::vector<std::string>& notes);

  // Call it after Look. Makes the file. From here on, nothing of it is lost.
  absl::Status Begin();

  // Records the placement of the steps that follow.
  void SetPlacement(const ExpertPlacement& placement);

  // Keeps a step until Write. Leaves `step` unchanged.
  void Add(StepRouting& step);

  // Writes full blocks of what Add kept. With `all`, everything is written when it returns, so a
  // request may count as done. An error of the file is final, and names the file.
  absl::Status Write(bool all);

  // Makes the written bytes survive a loss of power. Any thread may call it, before Close.
  absl::Status Sync();
  absl::Status Close();

  const std::string& path() const { return path_; }

 private:
  TraceFile(FileSystem& files, std::string path, TraceHeader header)
      : files_(files), path_(std::move(path)), header_(std::move(header)) {}

  absl::Status LookAtTrace(TraceStart start, std::vector<std::string>& notes);
  absl::Status CopyKept(OutputStream& to);
  absl::Status OfFlag(const absl::Status& status) const;

  FileSystem& files_;
  const std::string path_;
  const TraceHeader header_;
  bool replaces_ = false;
  uint64_t kept_bytes_ = 0;  // of the earlier trace
  std::optional<TraceWriter> writer_;
  absl::Status status_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_TRACE_FILE_H_
