// The results of a finished job, read back from its output.

#ifndef OCTET_RUNTIME_BATCH_FINISHED_OUTPUT_H_
#define OCTET_RUNTIME_BATCH_FINISHED_OUTPUT_H_

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "proto/journal.pb.h"
#include "runtime/batch/journal_record.h"
#include "runtime/io/file.h"
#include "runtime/io/line_reader.h"

namespace octet {

// A reader of an output, line by line, beside the lines of the input that they answer.
class FinishedOutput {
 public:
  static absl::StatusOr<FinishedOutput> Open(FileSystem& files, const std::string& output,
                                             const std::vector<std::string>& inputs);

  // Returns the next result, or nullopt at the end of the output.
  absl::StatusOr<std::optional<BatchResult>> Next();

 private:
  FinishedOutput(std::string path, LineReader output, LineReader input)
      : path_(std::move(path)), output_(std::move(output)), input_(std::move(input)) {}

  absl::Status NextInputLine();

  std::string path_;
  LineReader output_;
  LineReader input_;
  std::string line_;  // of the input
  int64_t number_ = 0;
};

// Calls `visit` with each result of a job's output, and `advance` now and then. Fails if an answer
// belongs to another line than the input has now. Lines without an answer may have changed, and
// more may follow.
absl::Status VisitResults(FileSystem& files, const std::string& output, const FinishedJob& finished,
                          const std::vector<std::string>& inputs,
                          const std::function<void()>& advance,
                          absl::FunctionRef<void(const BatchResult&)> visit);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_FINISHED_OUTPUT_H_
