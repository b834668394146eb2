#include "launch/replay/replay_options.h"

#include <optional>

#include "launch/settings/home_flags.h"
#include "launch/setup/engine_choice.h"
#include "parallel/dispatch/replica_policy.h"
#include "runtime/engine/home_choice.h"

namespace octet {
namespace {

absl::Status BadReplay(const std::string& what) { return absl::InvalidArgumentError(what); }

absl::Status CheckComparison(const ReplayOptions& o) {
  if (o.compare && !o.point.empty()) {
    return BadReplay("--point names one replay, and --compare makes several");
  }
  if (o.compare || (o.clusters.size() == 1 && o.ranks.size() <= 1)) return absl::OkStatus();
  return BadReplay("several clusters, or several numbers of --ranks, need --compare");
}

}  // namespace

absl::Status ResolveReplayOptions(ReplayOptions& o) {
  if (o.clusters.empty()) return BadReplay("--cluster is required");
  const ReplaySettings& settings = o.settings;
  if (!ParseReplicaPolicy(settings.replica_policy)) {
    return BadReplay("--replica-policy must be even, nearest or in-turn");
  }
  if (settings.overlap != "auto" && settings.overlap != "on" && settings.overlap != "off") {
    return BadReplay("--overlap must be auto, on or off");
  }
  if (settings.prefix_cache != "on" && settings.prefix_cache != "off") {
    return BadReplay("--prefix-cache must be on or off");
  }
  const std::optional<HomeSetting> home = ParseHomeSetting(settings.home);
  if (!home || home->policy == HomePolicy::kAffinity) {
    return BadReplay("--home must be least-loaded or round-robin");
  }
  const absl::StatusOr<int> ep_size = ResolveGroupSize(o.expert_parallel, o.ep_size);
  if (!ep_size.ok()) return ep_size.status();
  o.ep_size = *ep_size;
  return CheckComparison(o);
}

ReplayGroups GroupsOf(const ReplayOptions& o, int ep_size) {
  ReplayGroups groups = {.ep_size = ep_size,
                         .max_num_seqs = o.max_num_seqs,
                         .max_num_batched_tokens = o.max_num_batched_tokens};
  if (!o.compare) return groups;
  if (groups.max_num_batched_tokens == 0) groups.max_num_batched_tokens = kBatchedTokensOfRank;
  groups.max_num_seqs *= ep_size;
  groups.max_num_batched_tokens *= ep_size;
  return groups;
}

}  // namespace octet
