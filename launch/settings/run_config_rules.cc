#include "launch/settings/run_config_rules.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <array>
#include <string>

#include "launch/settings/home_flags.h"
#include "launch/settings/speculation.h"
#include "parallel/dispatch/replica_policy.h"

namespace octet {

void SetDefaults(RunConfig& c) {
  if (c.placement().empty()) c.set_placement("contiguous");
  if (c.dtype().empty()) c.set_dtype("auto");
  if (c.weights().empty()) c.set_weights("auto");
  if (c.device().empty()) c.set_device("cpu");
  if (c.row_transport().empty()) c.set_row_transport("auto");
  if (c.isa().empty()) c.set_isa("auto");
  if (c.max_num_seqs() == 0) c.set_max_num_seqs(64);
  if (c.timeout() == 0) c.set_timeout(60);
  if (c.memory().empty()) c.set_memory("90%");
  if (c.overlap().empty()) c.set_overlap("auto");
  if (c.replica_policy().empty()) c.set_replica_policy("even");
  if (c.home().empty()) c.set_home("least-loaded");
  if (c.prefix_cache().empty()) c.set_prefix_cache("on");
  if (c.expert_parallel().empty()) c.set_expert_parallel("on");
  if (c.progress().empty()) c.set_progress("auto");
}

absl::Status CheckRunConfig(const RunConfig& c) {
  const auto bad = [](const char* flag, const std::string& rule) {
    return absl::InvalidArgumentError(absl::StrCat(flag, " ", rule));
  };
  constexpr std::array kProgress = {"auto", "bar", "plain", "json", "none"};
  if (std::find(kProgress.begin(), kProgress.end(), c.progress()) == kProgress.end()) {
    return bad("--progress", "must be auto, bar, plain, json or none");
  }
  constexpr std::array kOverlap = {"auto", "on", "off"};
  if (std::find(kOverlap.begin(), kOverlap.end(), c.overlap()) == kOverlap.end()) {
    return bad("--overlap", "must be auto, on or off");
  }
  if (c.prefix_cache() != "on" && c.prefix_cache() != "off") {
    return bad("--prefix-cache", "must be on or off");
  }
  if (!ParseSpeculate(c.speculate())) {
    return bad("--speculate",
               absl::StrCat("must be auto, off or a number from 1 to ", DraftLimits::kMost));
  }
  if (!ParseReplicaPolicy(c.replica_policy())) {
    return bad("--replica-policy", "must be even, nearest or in-turn");
  }
  constexpr std::array kRebalancePolicies = {"", "eplb", "partition"};
  if (std::ranges::find(kRebalancePolicies, c.rebalance_policy()) == kRebalancePolicies.end()) {
    return bad("--rebalance-policy", "must be eplb or partition");
  }
  constexpr std::array kGenerationConfig = {"", "auto", "vllm", "none"};
  if (std::find(kGenerationConfig.begin(), kGenerationConfig.end(), c.generation_config()) ==
      kGenerationConfig.end()) {
    return bad("--generation-config", "must be auto, vllm or none");
  }
  if (!c.random_weights() && (!c.shape().empty() || c.layers() != 0)) {
    return bad(c.shape().empty() ? "--layers" : "--shape",
               "is of a model with --random-weights only");
  }
  return absl::OkStatus();
}

}  // namespace octet
