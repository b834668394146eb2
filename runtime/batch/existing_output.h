// What lies where an output is to be.

#ifndef OCTET_RUNTIME_BATCH_EXISTING_OUTPUT_H_
#define OCTET_RUNTIME_BATCH_EXISTING_OUTPUT_H_

#include <absl/status/statusor.h>

#include <optional>
#include <string>

#include "proto/journal.pb.h"
#include "runtime/io/file.h"

namespace octet {

// None: there is nothing.
absl::StatusOr<std::optional<ReplacedOutput>> FindOutput(FileSystem& files,
                                                         const std::string& output);

bool IsSameOutput(const ReplacedOutput& a, const ReplacedOutput& b);

// Its size and time, for a person.
std::string Describe(const ReplacedOutput& output);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_EXISTING_OUTPUT_H_
