// The error lines of an output that is complete.

#ifndef OCTET_RUNTIME_BATCH_ERROR_LINES_H_
#define OCTET_RUNTIME_BATCH_ERROR_LINES_H_

#include <absl/status/statusor.h>

#include <functional>
#include <string>

#include "runtime/batch/refusal_summary.h"
#include "runtime/io/file.h"

namespace octet {

// Why lines were refused, read from the output of their job (batch_result.h). `advance` is called
// now and then.
absl::StatusOr<RefusalSummary> ReadErrorLines(FileSystem& files, const std::string& output,
                                              const std::function<void()>& advance);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_ERROR_LINES_H_
