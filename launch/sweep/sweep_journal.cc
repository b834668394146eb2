#include "launch/sweep/sweep_journal.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include "launch/console/text_table.h"
#include "launch/files/proto_json.h"
#include "launch/files/proto_text.h"

namespace octet {
namespace {

constexpr char kSweepLock[] = "lock";
constexpr size_t kMostJournalBytes = size_t{1} << 30;

// Returns whether a run is the plan's turn of its order.
bool IsOfPlan(const SweepRun& run, const SweepPlan& plan) {
  if (run.order() < 0 || run.order() >= std::ssize(plan.turns)) return false;
  const SweepTurn& turn = plan.turns[run.order()];
  return run.repetition() == turn.repetition && run.point() == plan.points[turn.point].name;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SweepJournal>> SweepJournal::Open(FileSystem& files,
                                                                 const std::string& directory,
                                                                 const SweepPlan& plan,
                                                                 bool resume) {
  std::unique_ptr<SweepJournal> journal(new SweepJournal(files, directory));
  absl::Status status = files.MakeDirectories(directory);
  if (status.ok()) status = journal->Lock();
  if (status.ok()) status = journal->CheckSweepIn(plan, resume);
  if (status.ok()) status = journal->ReadRuns(plan);
  if (status.ok()) status = journal->Begin(plan);
  if (!status.ok()) return status;
  return journal;
}

SweepJournal::~SweepJournal() {
  if (lock_ != nullptr) files_.Remove(PathOf(kSweepLock)).IgnoreError();
}

absl::Status SweepJournal::Lock() {
  absl::StatusOr<std::unique_ptr<FileLock>> lock = files_.Lock(PathOf(kSweepLock));
  if (lock.ok()) {
    lock_ = *std::move(lock);
    return absl::OkStatus();
  }
  if (absl::IsUnimplemented(lock.status())) return absl::OkStatus();
  if (!absl::IsUnavailable(lock.status())) return lock.status();
  return absl::FailedPreconditionError(absl::StrCat(
      "--output ", directory_, ": another octet sweep writes there; wait for its end"));
}

absl::Status SweepJournal::CheckSweepIn(const SweepPlan& plan, bool resume) {
  const std::string path = PathOf(kSweepCopy);
  if (!files_.Exists(path)) {
    if (!files_.Exists(PathOf(kSweepRuns))) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(PathOf(kSweepRuns), " has runs of a sweep that is not known, as ", path,
                     " is missing; ", "give another directory"));
  }
  const absl::StatusOr<std::string> text = files_.ReadWhole(path);
  if (!text.ok()) return text.status();
  if (*text != TextOf(plan.sweep)) {
    return absl::FailedPreconditionError(
        absl::StrCat("--output ", directory_, " has runs of another sweep, which is in ", path,
                     "; give another directory, or that sweep with --resume"));
  }
  if (resume) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("--output ", directory_, " has runs of this sweep; --resume goes on with them"));
}

absl::Status SweepJournal::ReadRuns(const SweepPlan& plan) {
  const std::string path = PathOf(kSweepRuns);
  if (!files_.Exists(path)) return absl::OkStatus();
  absl::StatusOr<std::string> text = files_.ReadWhole(path, kMostJournalBytes);
  if (!text.ok()) return text.status();
  lines_ = *std::move(text);
  lines_.resize(lines_.rfind('\n') + 1);  // to nothing if there is no end of a line
  int number = 0;
  for (size_t begin = 0; begin < lines_.size();) {
    const size_t end = lines_.find('\n', begin);
    ++number;
    SweepRun run;
    const absl::Status status = ParseJsonProto(lines_.substr(begin, end - begin), run);
    if (!status.ok() || !IsOfPlan(run, plan)) {
      return absl::DataLossError(
          absl::StrCat(path, ":", number, ": is no run of this sweep",
                       status.ok() ? "" : absl::StrCat(": ", std::string(status.message())),
                       "; remove the line, and --resume goes on without it"));
    }
    const int order = run.order();
    runs_.insert_or_assign(order, std::move(run));
    begin = end + 1;
  }
  return absl::OkStatus();
}

// Writes the whole lines anew, which drops a torn one, and goes on in the same file.
absl::Status SweepJournal::Begin(const SweepPlan& plan) {
  absl::Status status = files_.ReplaceDurably(PathOf(kSweepCopy), TextOf(plan.sweep));
  if (!status.ok()) return status;
  absl::StatusOr<std::unique_ptr<OutputStream>> stream = files_.CreateScratch(PathOf(kSweepRuns));
  if (!stream.ok()) return stream.status();
  stream_ = *std::move(stream);
  const std::string scratch = stream_->path();
  status = stream_->Write(std::as_bytes(std::span(lines_)));
  if (status.ok()) status = stream_->Sync();
  if (status.ok()) status = files_.Rename(scratch, PathOf(kSweepRuns));
  return status.ok() ? files_.Sync(directory_) : status;
}

absl::Status SweepJournal::Add(const SweepRun& run) {
  const std::string line = JsonOf(run, JsonWriter::Layout::kOneLine);
  absl::Status status = stream_->Write(std::as_bytes(std::span(line)));
  if (status.ok()) status = stream_->Sync();
  if (status.ok()) runs_.insert_or_assign(run.order(), run);
  return status;
}

}  // namespace octet
