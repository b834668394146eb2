// What the flags of octet replay ask for.

#ifndef OCTET_LAUNCH_REPLAY_REPLAY_OPTIONS_H_
#define OCTET_LAUNCH_REPLAY_REPLAY_OPTIONS_H_

#include <absl/status/status.h>

#include <cstdint>
#include <string>
#include <vector>

#include "launch/setup/placement_choice.h"

namespace octet {

struct ReplayOptions {
  std::string trace;
  std::vector<std::string> clusters;  // files; several to compare
  std::vector<int64_t> ranks;         // the first so many of a cluster; empty: all
  bool compare = false;
  PlacementChoice placement;
  std::string replica_policy = "even";
  int ep_size = 0;                     // 0: all ranks
  std::string expert_parallel = "on";  // off: ep_size is 1
  int64_t max_num_seqs = 64;           // of each group; to compare, of each rank
  int64_t max_num_batched_tokens = 0;  // the same; 0: as run-batch chooses
  std::string overlap = "auto";
  std::string home = "least-loaded";
  std::string prefix_cache = "on";
  int copies = 1;
  int64_t steps = 0;  // 0: all
  bool recorded = false;
  std::string point;
  std::string output_json;
};

// Checks what does not depend on files. With expert_parallel "off", sets ep_size to 1. An error
// names the flag that is wrong or contradicts another.
absl::Status ResolveReplayOptions(ReplayOptions& options);

}  // namespace octet

#endif  // OCTET_LAUNCH_REPLAY_REPLAY_OPTIONS_H_
