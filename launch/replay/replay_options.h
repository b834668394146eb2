// What the flags of octet replay ask for.

#ifndef OCTET_LAUNCH_REPLAY_REPLAY_OPTIONS_H_
#define OCTET_LAUNCH_REPLAY_REPLAY_OPTIONS_H_

#include <cstdint>
#include <string>

#include "launch/setup/placement_choice.h"

namespace octet {

struct ReplayOptions {
  std::string trace;
  std::string cluster;
  PlacementChoice placement;
  std::string replica_policy = "even";
  int ep_size = 0;  // 0: all ranks
  std::string expert_parallel = "on";
  int64_t max_num_seqs = 64;           // of each group
  int64_t max_num_batched_tokens = 0;  // of each group; 0: as run-batch chooses
  std::string overlap = "auto";
  std::string home = "least-loaded";
  std::string prefix_cache = "on";
  int copies = 1;
  int64_t steps = 0;  // 0: all
  bool recorded = false;
  std::string point;
  std::string output_json;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_REPLAY_REPLAY_OPTIONS_H_
