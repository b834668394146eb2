// The files that a command writes in addition to its output: reports, profiles.

#ifndef OCTET_LAUNCH_FILES_RESULT_FILE_H_
#define OCTET_LAUNCH_FILES_RESULT_FILE_H_

#include <absl/status/status.h>

#include <string>
#include <string_view>

#include "runtime/io/file.h"

namespace octet {

// Returns the error that WriteResultFile would give for `path`, as far as it can be known in
// advance. The error names the flag of the path. Changes nothing.
absl::Status CheckResultFile(FileSystem& files, const std::string& flag, const std::string& path);

// The same for a file of this name in a directory, which may not exist yet.
absl::Status CheckResultDirectory(FileSystem& files, const std::string& flag,
                                  const std::string& directory, const std::string& name);

// Replaces a file in one step by what `write` writes and closes; if the path is a symbolic link,
// the file that it leads to. Writes a device or a pipe directly.
absl::Status WriteResultFile(FileSystem& files, const std::string& path,
                             FileSystem::FileWriter write);

// The same with this text.
absl::Status WriteResultFile(FileSystem& files, const std::string& path, std::string_view text);

}  // namespace octet

#endif  // OCTET_LAUNCH_FILES_RESULT_FILE_H_
