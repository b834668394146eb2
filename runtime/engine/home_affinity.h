// How near a line's tokens would be to their experts on each rank.

#ifndef OCTET_RUNTIME_ENGINE_HOME_AFFINITY_H_
#define OCTET_RUNTIME_ENGINE_HOME_AFFINITY_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "parallel/placement/expert_placement.h"
#include "runtime/trace/line_signatures.h"

namespace octet {

// How many (token, layer, slot) triples of a line's signature have their expert on a rank, and on
// the ranks of its host that are in its group.
struct HomeScore {
  int64_t on_rank = 0;
  int64_t on_host = 0;

  bool operator==(const HomeScore&) const = default;
};

// Scores from routing that an earlier run recorded: what it gives to know routing beforehand.
class HomeAffinity {
 public:
  // `placement` is over the ranks of a group, and has the signatures' layers and experts. hosts:
  // [ranks] of each rank of all groups.
  HomeAffinity(std::shared_ptr<const LineSignatures> signatures, const ExpertPlacement& placement,
               std::span<const std::string> hosts);

  // scores: [ranks] of a line of the input; empty where the trace has no token of it.
  void Score(int64_t line, std::vector<HomeScore>& scores) const;

 private:
  const std::shared_ptr<const LineSignatures> signatures_;
  const int num_ranks_;
  const int group_size_;
  int num_hosts_ = 0;         // of all groups; a host with ranks of two groups counts twice
  std::vector<int> host_of_;  // [ranks]
  std::vector<std::vector<int32_t>> ranks_of_;  // [layers * experts] in a group
  std::vector<std::vector<int32_t>> hosts_of_;  // [layers * experts] in all groups
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_HOME_AFFINITY_H_
