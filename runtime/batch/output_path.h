// The rules for an output's path.

#ifndef OCTET_RUNTIME_BATCH_OUTPUT_PATH_H_
#define OCTET_RUNTIME_BATCH_OUTPUT_PATH_H_

#include <absl/status/status.h>

#include <string>
#include <vector>

#include "runtime/io/file.h"

namespace octet {

// Returns whether the output is a file or does not exist yet. Otherwise it is standard output, a
// pipe or a device.
bool IsOrBecomesFile(FileSystem& files, const std::string& output);

// Returns whether a job with these files can continue after it was stopped: its input can be read
// again, and its output is a file.
bool CanBeResumed(FileSystem& files, const std::vector<std::string>& inputs,
                  const std::string& output);

// Returns an error if the output is a directory or one of the inputs, is in the journal of another
// output, has the name of a journal, or is among the files of `model`; and if an input is in the
// output's journal. The output must be resolved (FileSystem::Resolve).
absl::Status CheckOutput(FileSystem& files, const std::vector<std::string>& inputs,
                         const std::string& output, const std::string& model);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_OUTPUT_PATH_H_
