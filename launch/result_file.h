// Files that a command writes beside its output: reports, profiles.

#ifndef OCTET_LAUNCH_RESULT_FILE_H_
#define OCTET_LAUNCH_RESULT_FILE_H_

#include <absl/status/status.h>

#include <string>
#include <string_view>

#include "runtime/io/file.h"

namespace octet {

// What would keep WriteResultFile from writing to `path`, as far as it can be known before. An
// error names the flag that the path was given with. Leaves all as it is.
absl::Status CheckResultFile(FileSystem& files, const std::string& flag, const std::string& path);

// The same of a file of this name in a directory, which may have to be made.
absl::Status CheckResultDirectory(FileSystem& files, const std::string& flag,
                                  const std::string& directory, const std::string& name);

// Replaces a file in one step, the one that a symbolic link leads to; a device or a pipe is written
// to as it is.
absl::Status WriteResultFile(FileSystem& files, const std::string& path, std::string_view text);

}  // namespace octet

#endif  // OCTET_LAUNCH_RESULT_FILE_H_
