#ifndef OCTET_RUNTIME_IO_GIT_LFS_H_
#define OCTET_RUNTIME_IO_GIT_LFS_H_

#include <absl/status/status.h>

#include <string>

#include "runtime/io/file.h"

namespace octet {

// An error where the file is a Git LFS pointer: the few lines that a clone without git-lfs has in
// place of a large file (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md). OK for every
// other file, also for one that can't be read: its reader says why.
absl::Status RefuseGitLfsPointer(FileSystem& files, const std::string& path);

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_GIT_LFS_H_
