// A MachineProfile as a file: a text proto or, if its name ends in .json, JSON.

#ifndef OCTET_LAUNCH_BENCH_MACHINE_PROFILE_H_
#define OCTET_LAUNCH_BENCH_MACHINE_PROFILE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>

#include "proto/machine_profile.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Reads a profile. An error names the file, and the line or the field: seconds and rates must be
// positive, and no number may be negative. Either part may be missing.
absl::StatusOr<MachineProfile> ReadMachineProfile(FileSystem& files, const std::string& path);

// What becomes of the times of a layer of the same shape, numerics class, ranks and threads.
enum class OldLayerTimes { kReplace, kKeep };

// Writes the parts that `fresh` has, and keeps the other parts of an existing file.
absl::Status UpdateMachineProfile(FileSystem& files, const std::string& path,
                                  const MachineProfile& fresh,
                                  OldLayerTimes old_times = OldLayerTimes::kReplace);

// Returns the error that UpdateMachineProfile would give, as far as it can be known in advance.
// Does not change the file.
absl::Status CheckCanUpdate(FileSystem& files, const std::string& path);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_MACHINE_PROFILE_H_
