// The file of a routing trace, over the attempts of a job.

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
  kNew,        // refused where a trace is there
  kResume,     // goes on with it
  kOverwrite,  // replaces it
};

// Who begins a trace writes a new file, which takes the place of what is there, with its whole
// blocks at its beginning: an earlier attempt that is still alive somewhere can't damage it.
class TraceFile {
 public:
  // Looks at what is there, and writes nothing. `header` is of the attempt that begins. Errors name
  // the flag --trace. `notes` get what a person should know.
  static absl::StatusOr<std::unique_ptr<TraceFile>> Look(FileSystem& files, const std::string& path,
                                                         TraceStart start, TraceHeader header,
                                                         std::vector<std::string>& notes);

  // Then: makes the file. Nothing of it is lost from here on.
  absl::Status Begin();

  // The steps that follow have this placement.
  void SetPlacement(const ExpertPlacement& placement);

  // Keeps a step until Write. `step` is as before when it returns.
  void Add(StepRouting& step);

  // What was kept is written when it returns, if `all`: so that a request may count as done. An
  // error of the file is final, and names it.
  absl::Status Write(bool all);

  // Makes what was written survive a loss of power. From any thread, before Close.
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
  uint64_t kept_bytes_ = 0;  // of what is there
  std::optional<TraceWriter> writer_;
  absl::Status status_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TRACE_TRACE_FILE_H_
