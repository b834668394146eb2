#include "runtime/batch/stream_output.h"

#include <absl/strings/str_cat.h>

#include <filesystem>
#include <utility>

#include "kernels/base/check.h"
#include "runtime/batch/existing_output.h"
#include "runtime/batch/output_path.h"
#include "runtime/io/compressed_stream.h"

namespace octet {
namespace {

// Returns the directory in which the answers of a pipe's job wait for earlier ones.
absl::StatusOr<std::string> TemporaryDirectory(const std::string& output) {
  std::error_code error;
  const std::filesystem::path directory = std::filesystem::temp_directory_path(error);
  if (!error) return directory.string();
  return absl::InvalidArgumentError(
      absl::StrCat("TMPDIR is not a directory; with --output ", output,
                   " answers that wait for earlier ones are kept there"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<StreamOutput>> StreamOutput::Look(FileSystem& files,
                                                                 const std::string& output,
                                                                 bool overwrite,
                                                                 std::function<void()> wait) {
  std::unique_ptr<StreamOutput> stream(new StreamOutput(files, output, overwrite, std::move(wait)));
  if (!IsOrBecomesFile(files, output)) {
    const absl::Status status = TemporaryDirectory(output).status();
    if (!status.ok()) return status;
    return stream;
  }
  absl::StatusOr<OutputClaim> claim = OutputClaim::Look(files, output);
  if (!claim.ok()) return claim.status();
  stream->claim_ = *std::move(claim);
  const absl::Status status = overwrite ? absl::OkStatus() : stream->CheckNothingIsLost();
  if (!status.ok()) return status;
  return stream;
}

absl::Status StreamOutput::CheckNothingIsLost() const {
  if (!claim_->NamesOf(JournalFile::kPart).empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("--output ", path_, ": an attempt of a job that did not finish has left its ",
                     "work in ", claim_->directory(), "; --overwrite throws it away"));
  }
  const absl::StatusOr<std::optional<ReplacedOutput>> found = FindOutput(files_, path_);
  if (!found.ok()) return found.status();
  if (!*found) return absl::OkStatus();
  const bool is_finished = !claim_->NamesOf(JournalFile::kFinished).empty();
  return absl::FailedPreconditionError(
      absl::StrCat("--output ", path_, " is there already",
                   is_finished ? ", the finished output of another job: " : ": ", Describe(**found),
                   "; --overwrite replaces it at the end"));
}

absl::Status StreamOutput::Begin(std::vector<std::string>& notes) {
  if (!claim_) return BeginStream();
  absl::Status status = claim_->Take(notes);
  if (status.ok()) status = BeginFile();
  if (!status.ok()) claim_->Release();
  return status;
}

absl::Status StreamOutput::BeginFile() {
  absl::StatusOr<std::unique_ptr<OutputStream>> stream;
  int attempt = NextAttempt(claim_->names());
  do {
    partial_path_ = claim_->PathOf(OutputName(attempt));
    stream = files_.CreateNew(partial_path_);
  } while (absl::IsAlreadyExists(stream.status()) && ++attempt > 0);
  if (stream.ok()) stream = CompressedFor(path_, *std::move(stream));
  if (!stream.ok()) return stream.status();
  lines_.emplace(files_, *std::move(stream), claim_->PathOf(WaitingName(attempt)));
  const bool exclusive = claim_->is_exclusive();
  return claim_->RemoveFound([exclusive](JournalFile kind) {
    const bool is_scratch = kind == JournalFile::kOutput || kind == JournalFile::kWaiting;
    return exclusive || !is_scratch;
  });
}

absl::Status StreamOutput::BeginStream() {
  const absl::StatusOr<std::string> directory = TemporaryDirectory(path_);
  if (!directory.ok()) return directory.status();
  absl::StatusOr<std::unique_ptr<OutputStream>> stream = files_.CreateOutput(path_);
  for (; absl::IsUnavailable(stream.status()); stream = files_.CreateOutput(path_)) wait_();
  if (stream.ok()) stream = CompressedFor(path_, *std::move(stream));
  if (!stream.ok()) return stream.status();
  lines_.emplace(files_, *std::move(stream), JoinPath(*directory, "octet.waiting"));
  return absl::OkStatus();
}

absl::Status StreamOutput::Add(BatchResult result) {
  ++num_added_;
  return lines_->Add(result.number, std::move(result.text));
}

absl::Status StreamOutput::Finish(int64_t num_results) {
  OCTET_CHECK_EQ(num_results, num_added_);
  absl::Status status = lines_->Close();
  if (!status.ok() || !claim_) return status;
  if (!overwrite_ && files_.Exists(path_)) {
    return absl::FailedPreconditionError(
        absl::StrCat("--output ", path_, " was made by somebody else while the job ran; it is ",
                     "kept, and the results lie in ", partial_path_));
  }
  status = files_.Rename(partial_path_, path_);
  if (status.ok()) status = files_.Sync(DirectoryOf(path_));
  if (status.ok()) claim_->Release();
  return status;
}

}  // namespace octet
