#include "runtime/batch/journal.h"

#include <absl/strings/str_cat.h>
#include <google/protobuf/text_format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "kernels/base/check.h"
#include "parallel/transport/host_name.h"
#include "runtime/batch/attempt_names.h"
#include "runtime/batch/existing_output.h"
#include "runtime/batch/job_identity.h"
#include "runtime/batch/output_assembly.h"
#include "runtime/batch/output_room.h"
#include "runtime/io/compressed_stream.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

absl::Status OutputInTheWay(const std::string& output, const std::string& why) {
  return absl::FailedPreconditionError(absl::StrCat("--output ", output, why));
}

}  // namespace

Journal::Journal(FileSystem& files, std::string output, JobIdentity job, JournalOptions options,
                 OutputClaim claim)
    : files_(files),
      output_(std::move(output)),
      job_(std::move(job)),
      options_(std::move(options)),
      claim_(std::move(claim)) {}

absl::StatusOr<std::unique_ptr<Journal>> Journal::Look(FileSystem& files, const std::string& output,
                                                       const JobIdentity& job,
                                                       const JournalOptions& options,
                                                       std::vector<std::string>& notes) {
  absl::StatusOr<OutputClaim> claim = OutputClaim::Look(files, output);
  if (!claim.ok()) return claim.status();
  std::unique_ptr<Journal> journal(new Journal(files, output, job, options, *std::move(claim)));
  absl::Status status = journal->LookForFinished(notes);
  if (status.ok() && journal->finished_ && journal->Retries(*journal->finished_)) {
    status = journal->LookAtFailures();
    if (status.ok() && journal->retried_) return journal;
  }
  if (status.ok() && journal->finished_) return journal;
  if (status.ok()) status = journal->LookAtParts(notes);
  if (status.ok()) status = journal->LookAtOutput();
  if (status.ok()) status = journal->CheckRoom();
  if (!status.ok()) return status;
  return journal;
}

// Looks whether the output of this job is complete, or lacks only its name.
absl::Status Journal::LookForFinished(std::vector<std::string>& notes) {
  const std::string path = claim_.PathOf(kFinishedName);
  if (options_.mode == StartMode::kOverwrite || !files_.Exists(path)) return absl::OkStatus();
  const absl::StatusOr<std::string> text = files_.ReadWhole(path);
  if (!text.ok()) return text.status();
  FinishedJob finished;
  if (!google::protobuf::TextFormat::ParseFromString(*text, &finished) ||
      !(finished.assembled().empty() || KindOfName(finished.assembled()) == JournalFile::kOutput)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": was written by another version of octet, or is damaged; --overwrite ",
                     "throws it away"));
  }
  const absl::StatusOr<std::optional<ReplacedOutput>> output = FindOutput(files_, output_);
  if (!output.ok()) return output.status();
  is_assembled_ =
      !finished.assembled().empty() && files_.IsFile(claim_.PathOf(finished.assembled()));
  if (is_assembled_ && *output &&
      !(finished.has_replaces() && IsSameOutput(**output, finished.replaces()))) {
    return OutputInTheWay(
        output_,
        absl::StrCat(": its job is finished and lies in ", claim_.PathOf(finished.assembled()),
                     ", but in its place ", "are ", Describe(**output), "; move that away"));
  }
  if (!is_assembled_ && !*output) return absl::OkStatus();
  if (finished.retry_failed() && options_.mode == StartMode::kNew) {
    return OutputInTheWay(output_,
                          " is complete, and --retry-failed of it has begun; --resume goes on, "
                          "--overwrite throws it away");
  }
  const absl::Status same =
      Retries(finished)
          ? CompareJobsForRetry(finished.job(), job_, options_.compare_contents, notes)
          : CompareFinished(finished, notes);
  if (!same.ok()) {
    return OutputInTheWay(
        output_,
        absl::StrCat(" is the finished output of another job: ", std::string(same.message()), "; ",
                     options_.mode == StartMode::kNew ? "--overwrite replaces it"
                                                      : "take another --output, or --overwrite"));
  }
  if (is_assembled_ || (*output)->size() == finished.output_bytes()) {
    finished_ = std::move(finished);
    return absl::OkStatus();
  }
  if (!claim_.NamesOf(JournalFile::kPart).empty()) return absl::OkStatus();  // the parts say more
  return OutputInTheWay(
      output_, absl::StrCat(" is not as octet completed it on ", Escaped(finished.finished()),
                            ": it has ", Describe(**output), ", and had ", finished.output_bytes(),
                            "; --overwrite replaces it"));
}

absl::Status Journal::CompareFinished(const FinishedJob& finished,
                                      std::vector<std::string>& notes) const {
  std::vector<std::string> touched;
  absl::Status same = CompareJobs(finished.job(), job_, options_.compare_contents, touched);
  if (!same.ok() || touched.empty()) return same;
  const absl::StatusOr<uint64_t> lines = options_.hash_of_lines();
  if (!lines.ok()) return lines.status();
  if (*lines != finished.lines_hash()) {
    return absl::FailedPreconditionError("the lines of --input are not those of then");
  }
  notes.insert(notes.end(), touched.begin(), touched.end());
  return same;
}

absl::Status Journal::LookAtParts(std::vector<std::string>& notes) {
  if (options_.mode == StartMode::kOverwrite) return absl::OkStatus();
  absl::Status same;
  for (const std::string& name : claim_.NamesOf(JournalFile::kPart)) {
    absl::Status status = index_.ReadPart(
        files_, claim_.directory(), name,
        [&](const JournalHeader& header) {
          // From there on the job may differ.
          if (header.retry_failed()) same = absl::OkStatus();
          same.Update(CompareHeader(header, notes));
          return absl::OkStatus();
        },
        options_.advance, notes);
    if (!status.ok()) return status;
  }
  if (!same.ok()) return same;
  if (options_.mode == StartMode::kRetryFailed) {
    if (index_.parts().empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat("--retry-failed: no journal tells of a job with the output ", output_));
    }
    const int64_t before = index_.num_forgotten();
    index_.ForgetFailures();
    num_retried_ = index_.num_forgotten() - before;
    return absl::OkStatus();
  }
  if (options_.mode == StartMode::kResume) {
    if (index_.parts().empty() && !files_.Exists(output_)) {
      notes.push_back(absl::StrCat("--resume: nothing of ", output_, " is there yet"));
    }
    return absl::OkStatus();
  }
  if (num_earlier() > 0) {
    return OutputInTheWay(
        output_,
        absl::StrCat(": an attempt that did not finish has left ", num_earlier(),
                     " results; --resume goes on with them, --overwrite throws them away"));
  }
  if (!index_.has_damaged_part()) return absl::OkStatus();
  return OutputInTheWay(
      output_,
      absl::StrCat(": an attempt that did not finish has left results in ", claim_.directory(),
                   " that can't be read, as their header is damaged; --resume does their work "
                   "again, --overwrite throws them away"));
}

absl::Status Journal::CompareHeader(const JournalHeader& header, std::vector<std::string>& notes) {
  if (header.has_replaces()) replaceable_.push_back(header.replaces());
  if (options_.mode == StartMode::kNew) return absl::OkStatus();
  std::vector<std::string> touched;
  absl::Status same =
      options_.mode == StartMode::kRetryFailed
          ? CompareJobsForRetry(header.job(), job_, options_.compare_contents, touched)
          : CompareJobs(header.job(), job_, options_.compare_contents, touched);
  for (std::string& note : touched) {
    if (std::find(notes.begin(), notes.end(), note) == notes.end())
      notes.push_back(std::move(note));
  }
  if (same.ok()) return same;
  return absl::FailedPreconditionError(
      absl::StrCat("--resume: ", output_, " was begun as another job on ",
                   Escaped(header.started()), ": ", std::string(same.message())));
}

// Refuses to replace a file at the output's path, unless an option or an earlier attempt allows it.
absl::Status Journal::LookAtOutput() {
  absl::StatusOr<std::optional<ReplacedOutput>> found = FindOutput(files_, output_);
  if (!found.ok()) return found.status();
  if (!*found) return absl::OkStatus();
  const bool may_replace =
      options_.mode == StartMode::kOverwrite ||
      std::any_of(replaceable_.begin(), replaceable_.end(),
                  [&](const ReplacedOutput& output) { return IsSameOutput(output, **found); });
  if (may_replace) {
    replaces_ = **found;
    return absl::OkStatus();
  }
  return OutputInTheWay(
      output_,
      absl::StrCat(
          " is there already, and no journal says that octet wrote it: ", Describe(**found), "; ",
          options_.mode == StartMode::kNew ? "--overwrite replaces it at the end"
                                           : "move it away, and --resume goes on"));
}

absl::Status Journal::CheckRoom() const {
  const int64_t missing = std::max<int64_t>(options_.expected_results - num_earlier(), 0);
  if (missing == 0 || options_.mode == StartMode::kOverwrite) return absl::OkStatus();
  return CheckOutputRoom(files_, output_, missing, index_.earlier_bytes());
}

absl::Status Journal::Begin(std::vector<std::string>& notes) {
  if (finished_ && !is_assembled_) return absl::OkStatus();
  absl::Status status = claim_.Take(notes);
  if (status.ok() && finished_) return Complete();
  if (status.ok() && retried_) status = BeginRetry(notes);
  if (status.ok()) status = BeginPart();
  if (!status.ok()) {
    claim_.Release();
    return status;
  }
  if (retried_) return absl::OkStatus();
  const bool resumes =
      options_.mode == StartMode::kResume || options_.mode == StartMode::kRetryFailed;
  const bool exclusive = claim_.is_exclusive();
  return claim_.RemoveFound([&](JournalFile kind) {
    switch (kind) {
      case JournalFile::kPart:
      case JournalFile::kCrash:
        return !resumes;
      case JournalFile::kFinished:
        return true;
      default:
        return exclusive;  // otherwise it may belong to an attempt that is alive
    }
  });
}

absl::StatusOr<std::unique_ptr<JournalWriter>> Journal::CreatePart(std::string* name) {
  JournalHeader header;
  *header.mutable_job() = job_;
  header.set_host(HostName());
  header.set_pid(getpid());
  header.set_started(NowAsText());
  header.mutable_input_path()->Add(options_.input_paths.begin(), options_.input_paths.end());
  if (replaces_) *header.mutable_replaces() = *replaces_;
  header.set_retry_failed(options_.mode == StartMode::kRetryFailed && !retried_);
  // Without locks, another attempt may have taken a number since the names were listed.
  for (int attempt = NextAttempt(claim_.names());; ++attempt) {
    *name = PartName(attempt);
    absl::StatusOr<std::unique_ptr<JournalWriter>> writer =
        JournalWriter::Create(files_, claim_.PathOf(*name), TextInOneLine(header), options_.commit);
    if (!absl::IsAlreadyExists(writer.status())) return writer;
  }
}

absl::Status Journal::BeginPart() {
  std::string name;
  absl::StatusOr<std::unique_ptr<JournalWriter>> writer = CreatePart(&name);
  if (!writer.ok()) return writer.status();
  index_.BeginPart(name);
  writer_ = *std::move(writer);
  return files_.Sync(directory());
}

absl::Status Journal::Add(BatchResult result) {
  index_.AddResult(result.number, writer_->Append(result));
  return absl::OkStatus();
}

// Writes the output under another name, so that it survives a loss of power.
absl::Status Journal::Assemble(int64_t num_results, const std::string& path,
                               FinishedJob& finished) {
  absl::StatusOr<std::unique_ptr<OutputStream>> stream = files_.CreateNew(path);
  if (stream.ok()) stream = CompressedFor(output_, *std::move(stream));
  if (!stream.ok()) return stream.status();
  const absl::StatusOr<ResultHashes> hashes =
      WriteInOrder(files_, directory(), index_, num_results, options_.advance, **stream);
  absl::Status status = hashes.status();
  if (status.ok()) status = (*stream)->Close();
  if (status.ok()) status = files_.Sync(directory());  // its name too
  if (!status.ok()) return status;
  const absl::StatusOr<FileInfo> info = files_.Stat(path);
  if (!info.ok()) return info.status();
  *finished.mutable_job() = job_;
  finished.set_results(num_results);
  finished.set_output_bytes(static_cast<int64_t>(info->size));
  finished.set_finished(NowAsText());
  finished.set_lines_hash(hashes->lines);
  finished.set_answered_hash(hashes->answered);
  if (replaces_) *finished.mutable_replaces() = *replaces_;
  return status;
}

absl::Status Journal::Finish(int64_t num_results) {
  for (int64_t number = num_results; number < index_.end(); ++number) {
    if (!index_.Find(number)) continue;
    return Kept(absl::FailedPreconditionError(
        absl::StrCat("--input has ", num_results, " lines, and an earlier attempt answered more")));
  }
  absl::Status status = writer_->End(kAllResults);
  if (!status.ok()) return Kept(status);
  FinishedJob finished;
  finished.set_assembled(OutputName(AttemptOf(index_.parts().back())));
  const std::string assembled = claim_.PathOf(finished.assembled());
  status = Assemble(num_results, assembled, finished);
  if (status.ok() && options_.mode != StartMode::kOverwrite) {
    replaceable_.assign(replaces_ ? 1 : 0, replaces_.value_or(ReplacedOutput()));
    status = LookAtOutput();
  }
  if (status.ok()) {
    status = files_.ReplaceDurably(claim_.PathOf(kFinishedName), TextInOneLine(finished) + "\n");
  }
  if (!status.ok()) {
    files_.Remove(assembled).IgnoreError();  // a full disk needs the room
    return Kept(status);
  }
  finished_ = std::move(finished);
  return Complete();
}

// Gives the complete output its name.
absl::Status Journal::Rename(const FinishedJob& finished) {
  const absl::Status status = files_.Rename(claim_.PathOf(finished.assembled()), output_);
  return status.ok() ? files_.Sync(DirectoryOf(output_)) : status;
}

absl::Status Journal::Complete() {
  absl::Status status = Rename(*finished_);
  if (status.ok()) status = claim_.RemoveAllBut(JournalFile::kFinished);
  return Kept(status);
}

absl::Status Journal::Kept(const absl::Status& status) const {
  if (status.ok() || absl::IsCancelled(status)) return status;
  return {status.code(), absl::StrCat(std::string(status.message()), "; what is done is kept in ",
                                      directory(), ", and --resume goes on")};
}

}  // namespace octet
