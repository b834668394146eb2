// The files of a batch job, on rank 0.

#ifndef OCTET_LAUNCH_BATCH_FILES_H_
#define OCTET_LAUNCH_BATCH_FILES_H_

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "launch/job_setup.h"
#include "proto/config.pb.h"
#include "runtime/batch/batch_output.h"
#include "runtime/batch/batch_request.h"
#include "runtime/batch/journal.h"
#include "runtime/io/file.h"
#include "runtime/io/line_reader.h"
#include "runtime/trace/trace_file.h"

namespace octet {

struct BatchFiles {
  LineReader reader;
  std::unique_ptr<TraceFile> trace;  // null: none was asked for
  std::unique_ptr<BatchOutput> output;
  Journal* journal = nullptr;      // the output, where it is one
  std::vector<std::string> notes;  // for a person
};

// Opens the inputs, and looks at all that will be written: the output, its directory's room and
// rights, the --report directory, the --trace file. Writes nothing, so that a job that is refused
// here leaves no trace. `say` tells a person what an output waits for that has no reader.
absl::StatusOr<BatchFiles> CheckBatchFiles(const RunConfig& config, const JobSetup& setup,
                                           FileSystem& files,
                                           std::function<void(const std::string&)> say);

// Then: begins the output and the trace, and makes the --report directory.
absl::Status BeginBatchFiles(const RunConfig& config, FileSystem& files, BatchFiles& checked);

// What requests are checked against.
RequestLimits LimitsOfRequests(const RunConfig& config, const JobSetup& setup);

// As results name the model: by the name that was asked for, or the directory's.
std::string ModelName(const RunConfig& config);

}  // namespace octet

#endif  // OCTET_LAUNCH_BATCH_FILES_H_
