// What replays read.

#ifndef OCTET_LAUNCH_REPLAY_REPLAY_INPUTS_H_
#define OCTET_LAUNCH_REPLAY_REPLAY_INPUTS_H_

#include <absl/status/statusor.h>

#include <map>
#include <string>

#include "proto/cluster.pb.h"
#include "proto/machine_profile.pb.h"
#include "runtime/io/file.h"
#include "runtime/replay/cluster_model.h"
#include "runtime/trace/token_table.h"

namespace octet {

// A recorded job.
struct ReplayedTrace {
  std::string path;
  ReplayedModel model;
  TokenTable table;
};

absl::StatusOr<ReplayedTrace> ReadReplayedTrace(FileSystem& files, const std::string& path);

// A cluster with the profiles that it names.
struct ClusterFile {
  std::string path;
  Cluster cluster;                                 // of ParseCluster
  std::map<std::string, MachineProfile> profiles;  // by their names in `cluster`
  MachineProfile exchange;
};

// Sets counts and ranks of hosts that `text` leaves out to 1. An error begins with the line.
absl::StatusOr<Cluster> ParseCluster(const std::string& text);

absl::StatusOr<ClusterFile> ReadClusterFile(FileSystem& files, const std::string& path);

// Returns the first `ranks` ranks of the cluster; if it has fewer, the last of its hosts are
// repeated. 0: all as they are.
Cluster WithRanks(const Cluster& cluster, int ranks);

// An error names the file.
absl::StatusOr<ClusterModel> MakeClusterModel(const ClusterFile& file, const ReplayedModel& model);

}  // namespace octet

#endif  // OCTET_LAUNCH_REPLAY_REPLAY_INPUTS_H_
