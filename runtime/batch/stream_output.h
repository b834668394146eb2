// The output of a job that has no journal.

#ifndef OCTET_RUNTIME_BATCH_STREAM_OUTPUT_H_
#define OCTET_RUNTIME_BATCH_STREAM_OUTPUT_H_

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/batch/batch_output.h"
#include "runtime/batch/ordered_output.h"
#include "runtime/batch/output_claim.h"
#include "runtime/io/file.h"

namespace octet {

// An output that writes each result as soon as its turn has come. A file gets its name only when
// all is done; until then it is in OUTPUT.journal. A pipe or a device is written directly: a job
// must not replace /dev/null by a file.
class StreamOutput : public BatchOutput {
 public:
  // Looks whether the output can be written, and writes nothing. Without `overwrite`, an existing
  // file or the unfinished work of another job is an error. The output must be resolved
  // (FileSystem::Resolve). Calls `wait` repeatedly while a FIFO has no reader.
  static absl::StatusOr<std::unique_ptr<StreamOutput>> Look(FileSystem& files,
                                                            const std::string& output,
                                                            bool overwrite,
                                                            std::function<void()> wait);

  absl::Status Begin(std::vector<std::string>& notes) override;
  absl::Status Add(BatchResult result) override;
  absl::Status Flush() override { return lines_->Flush(); }
  int64_t num_safe() const override { return num_added_; }
  absl::Status Finish(int64_t num_results) override;

 private:
  StreamOutput(FileSystem& files, std::string path, bool overwrite, std::function<void()> wait)
      : files_(files), path_(std::move(path)), overwrite_(overwrite), wait_(std::move(wait)) {}

  absl::Status CheckNothingIsLost() const;
  absl::Status BeginFile();
  absl::Status BeginStream();

  FileSystem& files_;
  std::string path_;
  bool overwrite_;
  std::function<void()> wait_;
  std::optional<OutputClaim> claim_;  // nullopt if it is no file
  std::string partial_path_;          // of a file
  std::optional<OrderedOutput> lines_;
  int64_t num_added_ = 0;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_STREAM_OUTPUT_H_
