// What the flags of octet replay ask for.

#ifndef OCTET_LAUNCH_REPLAY_REPLAY_OPTIONS_H_
#define OCTET_LAUNCH_REPLAY_REPLAY_OPTIONS_H_

#include <absl/status/status.h>

#include <cstdint>
#include <string>
#include <vector>

#include "launch/setup/placement_choice.h"

namespace octet {

// How the job runs, whatever its groups.
struct ReplaySettings {
  PlacementChoice placement;
  std::string replica_policy = "even";
  std::string overlap = "auto";
  std::string home = "least-loaded";
  std::string prefix_cache = "on";
  int copies = 1;
  int64_t steps = 0;  // 0: all
  bool recorded = false;
};

// The groups of one replay.
struct ReplayGroups {
  int ep_size = 0;                     // 0: all ranks
  int64_t max_num_seqs = 64;           // of each group
  int64_t max_num_batched_tokens = 0;  // of each group; 0: as run-batch chooses
};

struct ReplayOptions {
  std::string trace;
  std::vector<std::string> clusters;  // files; several to compare
  std::vector<int64_t> ranks;         // the first so many of a cluster; empty: all
  bool compare = false;
  ReplaySettings settings;
  int ep_size = 0;                     // 0: all ranks; to compare, all sizes
  std::string expert_parallel = "on";  // off: ep_size is 1
  int64_t max_num_seqs = 64;           // of each group; to compare, of each rank
  int64_t max_num_batched_tokens = 0;  // the same; 0: not given
  std::string point;
  std::string output_json;
};

// Checks what does not depend on files. With expert_parallel "off", sets ep_size to 1. An error
// names the flag that is wrong or contradicts another.
absl::Status ResolveReplayOptions(ReplayOptions& options);

// Returns groups of that size with the limits that the flags give. To compare, a group has those of
// its ranks together, and `ep_size` must not be 0.
ReplayGroups GroupsOf(const ReplayOptions& options, int ep_size);

}  // namespace octet

#endif  // OCTET_LAUNCH_REPLAY_REPLAY_OPTIONS_H_
