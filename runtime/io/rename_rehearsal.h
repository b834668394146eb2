// A test whether a rename would succeed, without the rename.

#ifndef OCTET_RUNTIME_IO_RENAME_REHEARSAL_H_
#define OCTET_RUNTIME_IO_RENAME_REHEARSAL_H_

#include <absl/status/status.h>

#include <string>

namespace octet {

// Implements FileSystem::RehearseRename for the files of this machine. For a moment there is a
// trial file or directory in `directory`, with an unused name.
absl::Status RehearseRename(const std::string& directory, const std::string& path);

}  // namespace octet

#endif  // OCTET_RUNTIME_IO_RENAME_REHEARSAL_H_
