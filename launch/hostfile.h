// The hosts of a job from a hostfile.

#ifndef OCTET_LAUNCH_HOSTFILE_H_
#define OCTET_LAUNCH_HOSTFILE_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "runtime/io/file.h"

namespace octet {

// Reads a file as launch/run.sh takes it with --hostfile: a host on each line, with slots=N ranks,
// or one. What follows # is a comment, and a host counts once. Returns the host of each rank, from
// 0: ranks fill the hosts in their order. An error begins with `flag`.
absl::StatusOr<std::vector<int>> ReadHostfile(FileSystem& files, const std::string& flag,
                                              const std::string& path);

}  // namespace octet

#endif  // OCTET_LAUNCH_HOSTFILE_H_
