// The error lines of a complete output.

#ifndef OCTET_RUNTIME_BATCH_ERROR_LINES_H_
#define OCTET_RUNTIME_BATCH_ERROR_LINES_H_

#include <absl/status/statusor.h>

#include <functional>
#include <string>
#include <string_view>

#include "runtime/batch/refusal_summary.h"
#include "runtime/io/file.h"

namespace octet {

// Returns whether a line of an output has an answer, without parsing it.
bool IsAnswerLine(std::string_view line);

// Reads from a job's output (batch_result.h) why lines were refused. Calls `advance` now and then.
absl::StatusOr<RefusalSummary> ReadErrorLines(FileSystem& files, const std::string& output,
                                              const std::function<void()>& advance);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_ERROR_LINES_H_
