// The files of a batch job, on rank 0.

#ifndef OCTET_LAUNCH_BATCH_BATCH_FILES_H_
#define OCTET_LAUNCH_BATCH_BATCH_FILES_H_

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "launch/setup/job_setup.h"
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
  std::unique_ptr<TraceFile> trace;  // null if none was requested
  std::unique_ptr<BatchOutput> output;
  Journal* journal = nullptr;      // the output, if it is a journal; else null
  std::vector<std::string> notes;  // for the user
};

// Opens the inputs, and checks all that will be written: the output, its directory's room and
// permissions, the --report directory, the --trace file. Writes nothing, so a job that is refused
// here leaves nothing behind. `say` tells the user that an output waits for a reader.
absl::StatusOr<BatchFiles> CheckBatchFiles(const RunConfig& config, const JobSetup& setup,
                                           FileSystem& files,
                                           std::function<void(const std::string&)> say);

// Call it after CheckBatchFiles. Begins the output and the trace, and makes the --report directory.
absl::Status BeginBatchFiles(const RunConfig& config, FileSystem& files, BatchFiles& checked);

// Returns the limits that requests are checked against.
RequestLimits LimitsOfRequests(const RunConfig& config, const JobSetup& setup);

// Returns the model's name for results: the name in the settings, or the directory's.
std::string ModelName(const RunConfig& config);

}  // namespace octet

#endif  // OCTET_LAUNCH_BATCH_BATCH_FILES_H_
