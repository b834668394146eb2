// A MachineProfile as a file: text proto or, when its name ends in .json, JSON.

#ifndef OCTET_LAUNCH_BENCH_MACHINE_PROFILE_H_
#define OCTET_LAUNCH_BENCH_MACHINE_PROFILE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>

#include "proto/machine_profile.pb.h"
#include "runtime/io/file.h"

namespace octet {

// An error names the file, and the line or the field: seconds and rates are positive, and no number
// is negative. Either part may be missing.
absl::StatusOr<MachineProfile> ReadMachineProfile(FileSystem& files, const std::string& path);

// Writes the parts that `fresh` has, and keeps what a file of this name has of the others.
absl::Status UpdateMachineProfile(FileSystem& files, const std::string& path,
                                  const MachineProfile& fresh);

// What stands in the way of UpdateMachineProfile, as far as it can be known before there is
// anything to write. Leaves the file as it is.
absl::Status CheckCanUpdate(FileSystem& files, const std::string& path);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_MACHINE_PROFILE_H_
