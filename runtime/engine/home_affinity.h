// The nearness of a line's tokens to their experts, for each rank.

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

// The number of (token, layer, slot) triples of a line's signature whose expert is on a rank, and
// on the ranks of its group that share its host.
struct HomeScore {
  int64_t on_rank = 0;
  int64_t on_host = 0;

  bool operator==(const HomeScore&) const = default;
};

// A scorer of homes by the routing that an earlier run recorded. It shows the gain of routing that
// is known beforehand.
class HomeAffinity {
 public:
  // `placement` is over the ranks of one group, and has the layers and experts of `signatures`.
  // hosts: [ranks] the host of each rank of all groups.
  HomeAffinity(std::shared_ptr<const LineSignatures> signatures, const ExpertPlacement& placement,
               std::span<const std::string> hosts);

  // Computes the scores of a line of the input. scores: [ranks]; empty if the trace has no token of
  // the line.
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
