// The same job on several clusters, ranks and groups.

#ifndef OCTET_LAUNCH_REPLAY_REPLAY_COMPARISON_H_
#define OCTET_LAUNCH_REPLAY_REPLAY_COMPARISON_H_

#include <absl/status/statusor.h>

#include "launch/replay/replay_inputs.h"
#include "launch/replay/replay_options.h"
#include "proto/replay.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Replays the job on each cluster, on each number of ranks, in groups of all sizes that may pay: 1,
// 2, 4 and so on, each kind of host, and all ranks, or of options.ep_size alone. The limits of
// `options` are those of each rank. What can't be run is a choice with a refusal; an error says why
// nothing can.
absl::StatusOr<ReplayComparison> CompareReplays(FileSystem& files, const ReplayOptions& options,
                                                const ReplayedTrace& trace,
                                                const std::vector<ClusterFile>& clusters);

}  // namespace octet

#endif  // OCTET_LAUNCH_REPLAY_REPLAY_COMPARISON_H_
