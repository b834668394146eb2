// What an output's path may be.

#ifndef OCTET_RUNTIME_BATCH_OUTPUT_PATH_H_
#define OCTET_RUNTIME_BATCH_OUTPUT_PATH_H_

#include <absl/status/status.h>

#include <string>
#include <vector>

#include "runtime/io/file.h"

namespace octet {

// Whether the output is a file, or nothing yet; otherwise it is standard output, a pipe, a device.
bool IsOrBecomesFile(FileSystem& files, const std::string& output);

// Whether a job with these files can be gone on with after it was stopped: its input can be read
// again, and its output is a file.
bool CanBeResumed(FileSystem& files, const std::vector<std::string>& inputs,
                  const std::string& output);

// An error where the output is a directory or one of the inputs, or lies in the journal of another
// output, has the name of one, or lies among the files of `model`; and where an input lies in the
// output's journal. The output is resolved (FileSystem::Resolve).
absl::Status CheckOutput(FileSystem& files, const std::vector<std::string>& inputs,
                         const std::string& output, const std::string& model);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_OUTPUT_PATH_H_
