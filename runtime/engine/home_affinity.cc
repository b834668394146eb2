#include "runtime/engine/home_affinity.h"

#include <algorithm>
#include <map>
#include <utility>

#include "kernels/base/check.h"

namespace octet {

HomeAffinity::HomeAffinity(std::shared_ptr<const LineSignatures> signatures,
                           const ExpertPlacement& placement, std::span<const std::string> hosts)
    : signatures_(std::move(signatures)),
      num_ranks_(static_cast<int>(hosts.size())),
      group_size_(placement.num_ranks()) {
  OCTET_CHECK(signatures_->num_layers() == placement.num_layers());
  OCTET_CHECK(signatures_->num_experts() == placement.num_experts());
  std::map<std::pair<int, std::string>, int> numbers;  // of each group's hosts
  for (int r = 0; r < num_ranks_; ++r) {
    const auto [found, is_new] = numbers.try_emplace({r / group_size_, hosts[r]}, num_hosts_);
    if (is_new) ++num_hosts_;
    host_of_.push_back(found->second);
  }
  for (int layer = 0; layer < placement.num_layers(); ++layer) {
    for (int expert = 0; expert < placement.num_experts(); ++expert) {
      const std::span<const int32_t> ranks = placement.ranks(layer, expert);
      ranks_of_.emplace_back(ranks.begin(), ranks.end());
      std::vector<int32_t>& on = hosts_of_.emplace_back();
      for (int first = 0; first < num_ranks_; first += group_size_) {
        for (const int32_t rank : ranks) on.push_back(host_of_[first + rank]);
      }
      std::ranges::sort(on);
      on.erase(std::unique(on.begin(), on.end()), on.end());
    }
  }
}

void HomeAffinity::Score(int64_t line, std::vector<HomeScore>& scores) const {
  scores.clear();
  const std::span<const uint8_t> counts = signatures_->Find(line);
  if (counts.empty()) return;
  std::vector<int64_t> on_rank(group_size_);
  std::vector<int64_t> on_host(num_hosts_);
  for (size_t pair = 0; pair < counts.size(); ++pair) {
    if (counts[pair] == 0) continue;
    for (const int32_t rank : ranks_of_[pair]) on_rank[rank] += counts[pair];
    for (const int32_t host : hosts_of_[pair]) on_host[host] += counts[pair];
  }
  for (int r = 0; r < num_ranks_; ++r) {
    scores.push_back({.on_rank = on_rank[r % group_size_], .on_host = on_host[host_of_[r]]});
  }
}

}  // namespace octet
