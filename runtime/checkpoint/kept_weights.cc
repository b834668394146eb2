#include "runtime/checkpoint/kept_weights.h"

#include <absl/strings/match.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_replace.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <numeric>
#include <thread>
#include <utility>

#include "kernels/base/activity.h"
#include "kernels/base/mapped_memory.h"
#include "kernels/base/packed_matrix.h"
#include "runtime/io/fingerprint.h"
#include "runtime/io/posix_streams.h"

namespace octet {
namespace {

constexpr int kKeptFormat = 1;
constexpr char kLock[] = "lock";
constexpr char kFresh[] = ".new";
constexpr size_t kPopulatedBytes = size_t{64} << 20;  // between two signs of progress

// What a killed process held goes a moment after it.
constexpr std::chrono::milliseconds kLockPause(100);
constexpr int kLockAttempts = 30;

std::string DigestOf(const std::string& source) {
  Fingerprint digest;
  digest.Add(absl::StrCat("kept weights ", kKeptFormat, " layout ", kPackedLayout, " ", source));
  return digest.ToHex();
}

std::string FileNameOf(const std::string& part) { return absl::StrReplaceAll(part, {{" ", "-"}}); }

// Makes a directory that is this user's alone: others may write beside it.
absl::Status MakePrivate(const std::string& path) {
  struct stat info {};
  if (mkdir(path.c_str(), 0700) == 0) return absl::OkStatus();
  if (errno != EEXIST || lstat(path.c_str(), &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat(path, ": cannot be made a directory"));
  }
  if (S_ISDIR(info.st_mode) && info.st_uid == geteuid() && (info.st_mode & 077) == 0) {
    return absl::OkStatus();
  }
  return absl::PermissionDeniedError(
      absl::StrCat(path, ": is no directory of this user alone (mode 0700)"));
}

// Takes memory for the whole file now: a write into a full tmpfs would end the process.
bool TakeMemory(int fd, const std::vector<Buffer>& sections, size_t file_bytes) {
  for (const Buffer& section : sections) {
    for (size_t at = 0; at < section.bytes(); at += kPopulatedBytes) {
      const size_t bytes = std::min(kPopulatedBytes, section.bytes() - at);
      const PopulateResult result = Populate({section.data() + at, bytes});
      if (result == PopulateResult::kUnknown) {
        return posix_fallocate(fd, 0, static_cast<off_t>(file_bytes)) == 0;
      }
      if (result == PopulateResult::kNoRoom) return false;
      Activity::OfThisThread().Tick();
    }
  }
  return true;
}

}  // namespace

KeptWeights::KeptWeights(FileSystem& files, const std::string& root, const std::string& source,
                         int rank)
    : files_(files),
      parent_(JoinPath(root, absl::StrCat("octet-", geteuid()))),
      directory_(JoinPath(parent_, DigestOf(source))),
      rank_(rank) {}

std::string KeptWeights::PathOf(const std::string& name) const {
  return JoinPath(directory_, FileNameOf(name));
}

std::string KeptWeights::FreshPathOf(const std::string& name) const {
  return absl::StrCat(PathOf(name), ".", rank_, kFresh);
}

absl::Status KeptWeights::Claim() {
  absl::Status status = MakePrivate(parent_);
  if (status.ok()) status = MakePrivate(directory_);
  if (!status.ok()) return status;
  absl::StatusOr<std::unique_ptr<FileLock>> lock = files_.Lock(JoinPath(directory_, kLock));
  for (int i = 1; i < kLockAttempts && absl::IsUnavailable(lock.status()); ++i) {
    std::this_thread::sleep_for(kLockPause);
    Activity::OfThisThread().Tick();
    lock = files_.Lock(JoinPath(directory_, kLock));
  }
  if (absl::IsUnavailable(lock.status())) {
    return absl::UnavailableError(absl::StrCat(directory_, ": another job uses it"));
  }
  if (!lock.ok()) return lock.status();
  lock_ = *std::move(lock);
  const absl::StatusOr<std::vector<std::string>> names = files_.List(directory_);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    if (!absl::EndsWith(name, kFresh)) continue;
    status.Update(files_.Remove(JoinPath(directory_, name)));
  }
  return status;
}

uint64_t KeptWeights::bytes() const {
  constexpr uint64_t kBlock = 512;  // of st_blocks
  uint64_t bytes = 0;
  const absl::StatusOr<std::vector<std::string>> names = files_.List(directory_);
  if (!names.ok()) return 0;
  for (const std::string& name : *names) {
    struct stat info {};
    if (stat(JoinPath(directory_, name).c_str(), &info) != 0) continue;
    bytes += static_cast<uint64_t>(info.st_blocks) * kBlock;
  }
  return bytes;
}

void KeptWeights::KeepOnly(const std::set<std::string>& names) {
  std::set<std::string> kept = {kLock};
  for (const std::string& name : names) kept.insert(FileNameOf(name));
  const absl::StatusOr<std::vector<std::string>> all = files_.List(directory_);
  if (!all.ok()) return Note(std::string(all.status().message()));
  for (const std::string& name : *all) {
    if (kept.contains(name)) continue;
    const absl::Status status = files_.Remove(JoinPath(directory_, name));
    if (!status.ok()) Note(std::string(status.message()));
  }
}

std::string KeptWeights::Find(const PackedPart& part) const {
  const std::string path = PathOf(part.name);
  const absl::StatusOr<FileInfo> info = files_.Stat(path);
  return info.ok() && info->size == SectionedBytes(part.section_bytes) ? path : "";
}

std::vector<Buffer> KeptWeights::Map(const PackedPart& part) {
  const std::string path = Find(part);
  if (path.empty()) return {};
  const Descriptor file(open(path.c_str(), O_RDWR | O_CLOEXEC));
  std::vector<Buffer> sections;
  if (file.fd() >= 0) sections = MapSharedSections(file.fd(), part.section_bytes);
  if (sections.empty()) Note(std::string(absl::ErrnoToStatus(errno, path).message()));
  return sections;
}

std::vector<Buffer> KeptWeights::Make(const PackedPart& part) {
  if (num_without_room_ > 0) {
    ++num_without_room_;
    return {};
  }
  const std::string path = FreshPathOf(part.name);
  const size_t bytes = SectionedBytes(part.section_bytes);
  const Descriptor file(open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  std::vector<Buffer> sections;
  if (file.fd() >= 0 && ftruncate(file.fd(), static_cast<off_t>(bytes)) == 0) {
    sections = MapSharedSections(file.fd(), part.section_bytes);
  }
  if (!sections.empty() && TakeMemory(file.fd(), sections, bytes)) {
    made_.push_back(part.name);
    return sections;
  }
  ++num_without_room_;
  unlink(path.c_str());
  return {};
}

std::string KeptWeights::PathOfMade(const PackedPart& part) const {
  return std::ranges::find(made_, part.name) == made_.end() ? "" : FreshPathOf(part.name);
}

void KeptWeights::Seal() {
  for (const std::string& name : std::exchange(made_, {})) {
    const absl::Status status = files_.Rename(FreshPathOf(name), PathOf(name));
    if (!status.ok()) Note(std::string(status.message()));
  }
}

void KeptWeights::Forget(const std::string& name) {
  if (files_.Exists(PathOf(name))) files_.Remove(PathOf(name)).IgnoreError();
}

void KeptWeights::Remove() {
  KeepOnly({});
  files_.Remove(JoinPath(directory_, kLock)).IgnoreError();
  lock_.reset();
  files_.RemoveDirectory(directory_).IgnoreError();
  files_.RemoveDirectory(parent_).IgnoreError();  // unless it has the weights of other jobs
}

void KeptWeights::Note(const std::string& what) {
  if (first_note_.empty()) first_note_ = what;
}

std::vector<std::string> KeptWeights::TakeNotes() {
  std::vector<std::string> notes;
  if (!first_note_.empty()) {
    notes.push_back(absl::StrCat("some weights are not kept in memory: ", first_note_));
  }
  if (num_without_room_ > 0) {
    notes.push_back(absl::StrCat(
        num_without_room_, num_without_room_ == 1 ? " part" : " parts",
        " of the weights will not stay in memory after this attempt: the file system of ",
        directory_, " is full; more room: mount -o remount,size=95% on it"));
  }
  first_note_.clear();
  num_without_room_ = 0;
  return notes;
}

}  // namespace octet
