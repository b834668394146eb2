#ifndef OCTET_RUNTIME_IO_GIT_LFS_H_
#define OCTET_RUNTIME_IO_GIT_LFS_H_

#include <absl/status/status.h>

#include <string>

#include "runtime/io/file.h"

namespace octet {

// Returns an error if the file is a Git LFS pointer: the few lines that a clone without git-lfs has
// instead of a large file (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md). Returns OK
// for every other file, also for an unreadable one: its reader reports the error.
absl::Status RefuseGitLfsPointer(FileSystem& files, const std::string& path);

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_GIT_LFS_H_
