// The file at an output's path, before the output is written.

#ifndef OCTET_RUNTIME_BATCH_EXISTING_OUTPUT_H_
#define OCTET_RUNTIME_BATCH_EXISTING_OUTPUT_H_

#include <absl/status/statusor.h>

#include <optional>
#include <string>

#include "proto/journal.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Returns nullopt if there is no file.
absl::StatusOr<std::optional<ReplacedOutput>> FindOutput(FileSystem& files,
                                                         const std::string& output);

bool IsSameOutput(const ReplacedOutput& a, const ReplacedOutput& b);

// Returns the size and time of the file, for the user.
std::string Describe(const ReplacedOutput& output);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_EXISTING_OUTPUT_H_
