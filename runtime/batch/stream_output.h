// The output of a job that has no journal.

#ifndef OCTET_RUNTIME_BATCH_STREAM_OUTPUT_H_
#define OCTET_RUNTIME_BATCH_STREAM_OUTPUT_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/batch/batch_output.h"
#include "runtime/batch/ordered_output.h"
#include "runtime/io/file.h"

namespace octet {

// Whether a job with these files can be gone on with after it was stopped: its input can be read
// again, and its output is a file.
bool CanBeResumed(FileSystem& files, const std::vector<std::string>& inputs,
                  const std::string& output);

// An error where the output is a directory, or one of the inputs.
absl::Status CheckOutput(FileSystem& files, const std::vector<std::string>& inputs,
                         const std::string& output);

// Writes each result as soon as its turn has come. A file has its name only when all is done; a
// pipe or a device is written to as it is: /dev/null replaced by a file would be one for everybody.
class StreamOutput : public BatchOutput {
 public:
  static absl::StatusOr<std::unique_ptr<StreamOutput>> Open(FileSystem& files,
                                                            const std::vector<std::string>& inputs,
                                                            const std::string& output);

  absl::Status Add(BatchResult result) override;
  absl::Status Flush() override { return lines_.Flush(); }
  int64_t num_safe() const override { return num_added_; }
  absl::Status Finish(int64_t num_results) override;

 private:
  StreamOutput(FileSystem& files, std::string path, std::string partial_path,
               std::unique_ptr<OutputStream> stream, const std::string& waiting_path);

  FileSystem& files_;
  std::string path_;
  std::string partial_path_;  // that of the output, where it is no file
  OrderedOutput lines_;
  int64_t num_added_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_STREAM_OUTPUT_H_
