// How a journal goes on with a job that is finished but for lines that failed.

#include <absl/strings/str_cat.h>

#include <utility>

#include "runtime/batch/existing_output.h"
#include "runtime/batch/finished_output.h"
#include "runtime/batch/journal.h"

namespace octet {
namespace {

constexpr size_t kRetryWriteBytes = size_t{1} << 20;

}  // namespace

bool Journal::Retries(const FinishedJob& finished) const {
  return options_.mode == StartMode::kRetryFailed ||
         (options_.mode == StartMode::kResume && finished.retry_failed());
}

// Finds out what a finished output lacks. If that is nothing, the job stays finished.
absl::Status Journal::LookAtFailures() {
  const std::string path = is_assembled_ ? claim_.PathOf(finished_->assembled()) : output_;
  absl::Status status = VisitResults(files_, path, *finished_, options_.input_paths,
                                     options_.advance, [&](const BatchResult& result) {
                                       index_.AddEarlier(result, {/*part=*/0, /*offset=*/0});
                                     });
  if (!status.ok()) {
    return {status.code(), absl::StrCat("--retry-failed: ", std::string(status.message()))};
  }
  index_.ForgetFailures();
  if (index_.num_forgotten() == 0) return absl::OkStatus();
  num_retried_ = index_.num_forgotten();
  retried_ = std::exchange(finished_, std::nullopt);
  return CheckRoom();
}

// Makes a part of the answers of a finished output, as if an attempt had left it. The job is
// finished until all of the part is durable.
absl::Status Journal::BeginRetry(std::vector<std::string>& notes) {
  absl::Status status = is_assembled_ ? Rename(*retried_) : absl::OkStatus();
  if (!status.ok()) return status;
  const absl::StatusOr<std::optional<ReplacedOutput>> output = FindOutput(files_, output_);
  if (!output.ok()) return output.status();
  replaces_ = *output;
  FinishedJob begun = *retried_;
  begun.set_retry_failed(true);
  status = files_.ReplaceDurably(claim_.PathOf(kFinishedName), TextInOneLine(begun) + "\n");
  if (status.ok()) status = claim_.RemoveAllBut(JournalFile::kFinished);
  if (!status.ok()) return status;
  std::string name;
  absl::StatusOr<std::unique_ptr<JournalWriter>> part = CreatePart(&name);
  if (!part.ok()) return part.status();
  status = CopyAnswers(**part);
  if (status.ok()) status = files_.Sync(directory());
  if (!status.ok()) {
    files_.Remove(claim_.PathOf(name)).IgnoreError();  // a full disk needs the room
    return status;
  }
  status = files_.Remove(claim_.PathOf(kFinishedName));
  if (status.ok()) status = files_.Sync(directory());
  if (!status.ok()) return status;
  index_ = JournalIndex();
  return index_.ReadPart(
      files_, directory(), name, [](const JournalHeader&) { return absl::OkStatus(); },
      options_.advance, notes);
}

absl::Status Journal::CopyAnswers(JournalWriter& part) {
  size_t bytes = 0;
  absl::Status written;
  absl::Status status = VisitResults(files_, output_, *retried_, options_.input_paths,
                                     options_.advance, [&](const BatchResult& result) {
                                       if (!result.answered) return;
                                       part.Append(result);
                                       bytes += result.text.size();
                                       if (bytes < kRetryWriteBytes) return;
                                       bytes = 0;
                                       written.Update(part.Flush());
                                     });
  status.Update(written);
  return status.ok() ? part.End("holds the answers of a finished output") : status;
}

}  // namespace octet
