// The replay of a trace on a cluster.

#ifndef OCTET_LAUNCH_REPLAY_REPLAY_RUN_H_
#define OCTET_LAUNCH_REPLAY_REPLAY_RUN_H_

#include <absl/status/statusor.h>

#include "launch/replay/replay_inputs.h"
#include "launch/replay/replay_options.h"
#include "proto/replay.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Predicts all steps of the job on all ranks of the cluster. The settings must be those of resolved
// options. An error names the flag or the file.
absl::StatusOr<Replay> RunReplay(FileSystem& files, const ReplaySettings& settings,
                                 ReplayGroups groups, const ReplayedTrace& trace,
                                 const ClusterFile& cluster);

}  // namespace octet

#endif  // OCTET_LAUNCH_REPLAY_REPLAY_RUN_H_
