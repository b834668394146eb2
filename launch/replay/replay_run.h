// The replay of a trace on a cluster.

#ifndef OCTET_LAUNCH_REPLAY_REPLAY_RUN_H_
#define OCTET_LAUNCH_REPLAY_REPLAY_RUN_H_

#include <absl/status/statusor.h>

#include "launch/replay/replay_options.h"
#include "proto/replay.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Reads trace, placement, cluster and profiles, and predicts all steps. An error names the flag or
// the file.
absl::StatusOr<Replay> RunReplay(FileSystem& files, const ReplayOptions& options);

}  // namespace octet

#endif  // OCTET_LAUNCH_REPLAY_REPLAY_RUN_H_
