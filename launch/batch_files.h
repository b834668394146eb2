// The files of a batch job, on rank 0.

#ifndef OCTET_LAUNCH_BATCH_FILES_H_
#define OCTET_LAUNCH_BATCH_FILES_H_

#include <absl/status/statusor.h>

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

namespace octet {

struct BatchFiles {
  LineReader reader;
  std::unique_ptr<BatchOutput> output;
  Journal* journal = nullptr;      // the output, where it is one
  std::vector<std::string> notes;  // for a person
};

// Opens the inputs and looks at all else; writes nothing. `output` is null where none was looked
// at.
absl::StatusOr<BatchFiles> CheckBatchFiles(const RunConfig& config, const JobSetup& setup,
                                           FileSystem& files);

// Opens inputs and output, then makes the --report directory. Nothing is written for a job that its
// flags, inputs or output refuse.
absl::StatusOr<BatchFiles> OpenBatchFiles(const RunConfig& config, const JobSetup& setup,
                                          FileSystem& files);

// What requests are checked against.
RequestLimits LimitsOfRequests(const RunConfig& config, const JobSetup& setup);

// As results name the model: by the name that was asked for, or the directory's.
std::string ModelName(const RunConfig& config);

}  // namespace octet

#endif  // OCTET_LAUNCH_BATCH_FILES_H_
