#include "runtime/io/rename_rehearsal.h"

#include <absl/strings/str_cat.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <functional>

namespace octet {
namespace {

std::string Hint(int error) {
  switch (error) {
    case EXDEV:
      return "; its journal lies on another file system";
    case EPERM:
      return "; it belongs to another user in a directory with the sticky bit, or may not be "
             "changed";
    default:
      return "";
  }
}

absl::Status Fails(const char* how, int error, const std::string& path) {
  const absl::Status status = absl::ErrnoToStatus(error, absl::StrCat(path, how));
  return {status.code(), absl::StrCat(std::string(status.message()), Hint(error))};
}

absl::Status CannotBeReplaced(int error, const std::string& path) {
  return Fails(": can't be replaced", error, path);
}

// Returns whether the path is a mount point, as a container engine makes for a single file that is
// mapped into the container.
bool IsMountPoint(const std::string& path) {
  struct statx info {};
  return statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &info) == 0 &&
         (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

// Makes a trial with an unused name beside `stem`, by `make`. Returns its path, or an empty text
// with errno if it cannot.
std::string MakeTrial(const std::string& stem, const std::function<bool(const char*)>& make) {
  constexpr int kMostTries = 1000;
  for (int i = 0; i < kMostTries; ++i) {
    std::string trial = absl::StrCat(stem, ".trial.", getpid(), "-", i);
    if (make(trial.c_str())) return trial;
    if (errno != EEXIST) break;
  }
  return "";
}

// Tries to replace the file by a directory, which the kernel always refuses. It says so only if
// nothing else prevents the rename, and does nothing.
absl::Status RehearseReplacing(const std::string& stem, const std::string& path) {
  const std::string trial =
      MakeTrial(stem, [](const char* name) { return mkdir(name, 0700) == 0; });
  if (trial.empty()) return CannotBeReplaced(errno, path);
  const int error = rename(trial.c_str(), path.c_str()) == 0 ? 0 : errno;
  rmdir(trial.c_str());
  return error == 0 || error == ENOTDIR ? absl::OkStatus() : CannotBeReplaced(error, path);
}

bool MakeFile(const char* name) {
  const int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);
  return fd >= 0;
}

absl::Status RehearseMaking(const std::string& stem, const std::string& path) {
  const std::string from = MakeTrial(stem, MakeFile);
  if (from.empty()) return Fails(": can't be made", errno, path);
  int error = 0;
  // Uses an unused name, so that no process sees a trial at the path itself.
  const std::string to = MakeTrial(path, [&](const char* name) {
    if (renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, name, RENAME_NOREPLACE) == 0) return true;
    // EINVAL: this file system has no RENAME_NOREPLACE.
    return errno == EINVAL && rename(from.c_str(), name) == 0;
  });
  if (to.empty()) error = errno;
  unlink(to.empty() ? from.c_str() : to.c_str());
  return error == 0 ? absl::OkStatus() : Fails(": can't be made", error, path);
}

}  // namespace

absl::Status RehearseRename(const std::string& directory, const std::string& path) {
  const std::filesystem::path file(path);
  const std::string stem = (std::filesystem::path(directory) / file.filename()).string();
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    if (errno == ENOENT) return RehearseMaking(stem, path);
    return absl::ErrnoToStatus(errno, path);
  }
  if (S_ISDIR(info.st_mode)) return absl::InvalidArgumentError(path + ": is a directory");
  if (IsMountPoint(path)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": is a mount point, which can't be replaced; mount its directory"));
  }
  return RehearseReplacing(stem, path);
}

}  // namespace octet
