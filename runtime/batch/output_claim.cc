#include "runtime/batch/output_claim.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "runtime/batch/attempt_names.h"

namespace octet {

absl::StatusOr<OutputClaim> OutputClaim::Look(FileSystem& files, const std::string& output) {
  OutputClaim claim(files, output);
  claim.was_there_ = files.Exists(claim.directory_);
  if (claim.was_there_ && !files.IsDirectory(claim.directory_)) {
    return absl::FailedPreconditionError(
        absl::StrCat(claim.directory_,
                     ": is not a directory, and stands where the journal has its place; move "
                     "it away, or choose another --output"));
  }
  absl::Status status = claim.FindNames();
  if (status.ok()) {
    status =
        files.RehearseRename(claim.was_there_ ? claim.directory_ : DirectoryOf(output), output);
  }
  if (!status.ok()) return status;
  return claim;
}

absl::Status OutputClaim::CheckLock(const absl::Status& status) const {
  if (status.ok() || absl::IsUnimplemented(status) || absl::IsNotFound(status)) {
    return absl::OkStatus();
  }
  if (!absl::IsUnavailable(status)) return status;
  const absl::StatusOr<std::string> holder = files_->ReadWhole(PathOf(kLockName));
  return absl::FailedPreconditionError(
      absl::StrCat("--output ", output_, " is in use by ",
                   holder.ok() && !holder->empty() ? *holder : "another process"));
}

absl::Status OutputClaim::FindNames() {
  names_.clear();
  if (!was_there_) return absl::OkStatus();
  const absl::StatusOr<std::vector<std::string>> all = files_->List(directory_);
  if (!all.ok()) return all.status();
  for (const std::string& name : *all) {
    const absl::StatusOr<JournalFile> kind = KindOfFile(*files_, PathOf(name));
    if (!kind.ok()) return kind.status();
    const bool has_own_place = name == kLockName || name == kFinishedName;
    if (*kind == JournalFile::kForeign && has_own_place) {
      return absl::FailedPreconditionError(
          absl::StrCat(PathOf(name),
                       ": is not octet's, and stands where the journal has its own; move it away"));
    }
    if (*kind == JournalFile::kForeign) continue;
    if (*kind != JournalFile::kLock) {
      names_.push_back(name);
    } else if (lock_ == nullptr) {
      absl::StatusOr<std::unique_ptr<FileLock>> lock = files_->LockExisting(PathOf(name));
      absl::Status status = CheckLock(lock.status());
      if (!status.ok()) return status;
      if (lock.ok()) lock_ = *std::move(lock);
    }
  }
  return absl::OkStatus();
}

std::vector<std::string> OutputClaim::NamesOf(JournalFile kind) const {
  std::vector<std::string> chosen;
  std::copy_if(names_.begin(), names_.end(), std::back_inserter(chosen),
               [kind](const std::string& name) { return KindOfName(name) == kind; });
  return chosen;
}

absl::Status OutputClaim::Take(std::vector<std::string>& notes) {
  absl::Status status = files_->MakeDirectories(directory_);
  if (status.ok()) status = files_->Sync(DirectoryOf(output_));
  if (!status.ok()) return status;
  if (lock_ == nullptr) {
    absl::StatusOr<std::unique_ptr<FileLock>> lock = files_->Lock(PathOf(kLockName));
    status = CheckLock(lock.status());
    if (!status.ok()) return status;
    if (absl::IsUnimplemented(lock.status())) {
      notes.push_back(absl::StrCat(std::string(lock.status().message()),
                                   ": another attempt can't be kept from starting; it would do ",
                                   "the work a second time, and damage nothing"));
      return absl::OkStatus();
    }
    if (!lock.ok()) return lock.status();
    lock_ = *std::move(lock);
    // Another process may have had the claim for a while since Look.
    const std::vector<std::string> before = names_;
    const bool was_there = std::exchange(was_there_, true);
    status = FindNames();
    was_there_ = was_there;
    if (!status.ok()) return status;
    if (names_ != before) {
      return absl::FailedPreconditionError(absl::StrCat(
          "--output ", output_, " has been used by another process in this moment; start again"));
    }
  }
  return lock_->Write(NameOfThisProcess());
}

absl::Status OutputClaim::RemoveFound(absl::FunctionRef<bool(JournalFile)> chosen) const {
  for (const std::string& name : names_) {
    if (!chosen(KindOfName(name))) continue;
    absl::Status status = files_->Remove(PathOf(name));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status OutputClaim::RemoveAllBut(JournalFile kept) const {
  const absl::StatusOr<std::vector<std::string>> all = files_->List(directory_);
  if (!all.ok()) return all.status();
  for (const std::string& name : *all) {
    const absl::StatusOr<JournalFile> kind = KindOfFile(*files_, PathOf(name));
    if (!kind.ok()) return kind.status();
    if (*kind == JournalFile::kForeign || *kind == JournalFile::kLock || *kind == kept) continue;
    absl::Status status = files_->Remove(PathOf(name));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void OutputClaim::Release() {
  if (lock_ == nullptr) return;
  files_->Remove(PathOf(kLockName)).IgnoreError();
  files_->RemoveDirectory(directory_).IgnoreError();
  lock_.reset();
}

}  // namespace octet
