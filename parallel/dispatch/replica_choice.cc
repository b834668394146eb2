#include "parallel/dispatch/replica_choice.h"

#include <algorithm>

namespace octet {
namespace {

bool Contains(std::span<const int32_t> ranks, int32_t rank) {
  return std::find(ranks.begin(), ranks.end(), rank) != ranks.end();
}

}  // namespace

ReplicaChooser::ReplicaChooser(const ExpertPlacement& placement, const HostTopology& hosts,
                               int home, ReplicaPolicy policy)
    : placement_(placement),
      hosts_(hosts),
      home_(home),
      policy_(policy),
      needs_counts_(placement.num_layers()) {
  const int host = hosts.host_of(home);
  int64_t most_edges = 0;
  for (int layer = 0; layer < placement.num_layers(); ++layer) {
    int64_t edges = 0;
    for (int expert = 0; expert < placement.num_experts(); ++expert) {
      std::vector<int32_t>& near = near_.emplace_back();
      for (const int32_t rank : placement.ranks(layer, expert)) {
        if (policy != ReplicaPolicy::kInTurn && hosts.host_of(rank) == host) near.push_back(rank);
      }
      const auto candidates = std::ssize(Candidates(layer, expert));
      if (policy == ReplicaPolicy::kEven && candidates > 1) needs_counts_[layer] = true;
      most_candidates_ = std::max<int64_t>(most_candidates_, candidates);
      edges += candidates;
    }
    most_edges = std::max(most_edges, edges);
  }
  if (std::find(needs_counts_.begin(), needs_counts_.end(), true) == needs_counts_.end()) return;
  split_.Reserve(placement.num_ranks(), placement.num_experts(), most_edges);
  left_.reserve(most_candidates_);
  quota_.resize(placement.num_experts() * most_candidates_);
}

std::span<const int32_t> ReplicaChooser::Candidates(int layer, int expert) const {
  const std::vector<int32_t>& near = near_[int64_t{layer} * placement_.num_experts() + expert];
  return near.empty() ? placement_.ranks(layer, expert) : near;
}

void ReplicaChooser::Choose(int layer, const Routing& routing, const HostExpertCounts& counts,
                            std::vector<int32_t>& owner_of) {
  owner_of.clear();
  if (needs_counts_[layer]) return ChooseEvenly(layer, routing, counts, owner_of);
  for (int64_t i = 0; i < std::ssize(routing.topk_idx); ++i) {
    owner_of.push_back(ChooseInTurn(layer, routing.topk_idx[i], i / routing.topk));
  }
}

int32_t ReplicaChooser::ChooseInTurn(int layer, int expert, int64_t token) const {
  const auto candidates = Candidates(layer, expert);
  if (candidates.size() == 1) return candidates[0];
  if (policy_ == ReplicaPolicy::kNearest && Contains(candidates, home_)) return home_;
  return candidates[static_cast<size_t>(home_ + token) % candidates.size()];
}

// Chooses a rank that already serves the token, if the quota of that rank allows it.
void ReplicaChooser::ChooseEvenly(int layer, const Routing& routing, const HostExpertCounts& counts,
                                  std::vector<int32_t>& owner_of) {
  DivideHost(layer, counts);
  for (int expert = 0; expert < counts.num_experts; ++expert) TakeShare(layer, expert, counts);
  for (int64_t i = 0; i < std::ssize(routing.topk_idx); ++i) {
    const int expert = routing.topk_idx[i];
    const auto candidates = Candidates(layer, expert);
    const std::span quota = std::span(quota_).subspan(expert * most_candidates_, candidates.size());
    const std::span<const int32_t> serving = std::span(owner_of).subspan(i - i % routing.topk);
    size_t chosen = 0;
    while (quota[chosen] == 0) ++chosen;
    for (size_t c = chosen + 1; c < candidates.size() && !Contains(serving, candidates[chosen]);
         ++c) {
      if (quota[c] > 0 && Contains(serving, candidates[c])) chosen = c;
    }
    --quota[chosen];
    owner_of.push_back(candidates[chosen]);
  }
}

void ReplicaChooser::DivideHost(int layer, const HostExpertCounts& counts) {
  split_.Begin(placement_.num_ranks());
  for (int expert = 0; expert < counts.num_experts; ++expert) {
    int64_t rows = 0;
    for (int home = 0; home < counts.num_homes(); ++home) rows += counts(home, expert);
    split_.AddItem(rows, Candidates(layer, expert));
  }
  split_.Divide();
}

// Divides the rows of an expert that each rank takes among the homes of the host. A rank takes its
// own rows first, then the rows of the homes in their order.
void ReplicaChooser::TakeShare(int layer, int expert, const HostExpertCounts& counts) {
  const auto candidates = Candidates(layer, expert);
  const std::span<int64_t> quota =
      std::span(quota_).subspan(expert * most_candidates_, candidates.size());
  std::fill(quota.begin(), quota.end(), 0);
  const auto shares = split_.rows(expert);
  left_.assign(shares.begin(), shares.end());
  const int host = hosts_.host_of(home_);
  const int own_index = hosts_.index_on_host(home_);
  int64_t before = 0;  // rows of the homes before this one, without those that they keep
  int64_t mine = counts(own_index, expert);
  for (size_t c = 0; c < candidates.size(); ++c) {
    if (hosts_.host_of(candidates[c]) != host) continue;
    const int home = hosts_.index_on_host(candidates[c]);
    const int64_t kept = std::min<int64_t>(counts(home, expert), left_[c]);
    left_[c] -= kept;
    if (home < own_index) before -= kept;
    if (home == own_index) {
      quota[c] = kept;
      mine -= kept;
    }
  }
  for (int home = 0; home < own_index; ++home) before += counts(home, expert);
  for (size_t c = 0; c < candidates.size(); ++c) {
    const int64_t skipped = std::min(before, left_[c]);
    const int64_t taken = std::min(mine, left_[c] - skipped);
    before -= skipped;
    mine -= taken;
    quota[c] += taken;
  }
}

GroupReplicaChoice::GroupReplicaChoice(const ExpertPlacement& placement, const HostTopology& hosts,
                                       ReplicaPolicy policy)
    : hosts_(hosts), num_experts_(placement.num_experts()), owner_of_(hosts.num_ranks()) {
  for (int home = 0; home < hosts.num_ranks(); ++home) {
    choosers_.emplace_back(placement, hosts, home, policy);
  }
}

const std::vector<std::vector<int32_t>>& GroupReplicaChoice::Choose(
    int layer, std::span<const Routing> routing) {
  for (int host = 0; host < hosts_.num_hosts(); ++host) {
    const std::span<const int> homes = hosts_.ranks_of(host);
    counts_.assign(homes.size() * num_experts_, 0);
    for (size_t i = 0; i < homes.size(); ++i) {
      for (const int expert : routing[homes[i]].topk_idx) ++counts_[i * num_experts_ + expert];
    }
    for (const int home : homes) {
      choosers_[home].Choose(layer, routing[home], {.num_experts = num_experts_, .counts = counts_},
                             owner_of_[home]);
    }
  }
  return owner_of_;
}

std::vector<std::vector<int32_t>> ChooseOwners(const ExpertPlacement& placement,
                                               const HostTopology& hosts, ReplicaPolicy policy,
                                               int layer, std::span<const Routing> routing) {
  return GroupReplicaChoice(placement, hosts, policy).Choose(layer, routing);
}

}  // namespace octet
