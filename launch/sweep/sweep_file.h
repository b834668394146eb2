// The file that octet sweep reads.

#ifndef OCTET_LAUNCH_SWEEP_SWEEP_FILE_H_
#define OCTET_LAUNCH_SWEEP_SWEEP_FILE_H_

#include <absl/status/statusor.h>

#include <string>

#include "proto/sweep.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Reads a sweep as text proto, checks it, and sets the defaults of what it leaves out, but for the
// launcher. Errors name the file and the field.
absl::StatusOr<Sweep> ReadSweep(FileSystem& files, const std::string& path);

}  // namespace octet

#endif  // OCTET_LAUNCH_SWEEP_SWEEP_FILE_H_
