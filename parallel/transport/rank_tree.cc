#include "parallel/transport/rank_tree.h"

#include <algorithm>

namespace octet {
namespace {

constexpr int kNoParent = -1;

int ParentOf(const HostTopology& topology, int rank) {
  const int host = topology.host_of(rank);
  const int index = topology.index_on_host(rank);
  if (index > 0) return topology.ranks_of(host)[(index - 1) / RankTree::kFanOut];
  if (host > 0) return topology.ranks_of((host - 1) / RankTree::kFanOut)[0];
  return kNoParent;
}

// Parents come before their children in the order of hosts, so that one pass finds all levels.
std::vector<int> Levels(const HostTopology& topology, const std::vector<int>& parents) {
  std::vector<int> levels(parents.size());
  for (int place = 1; place < topology.num_ranks(); ++place) {
    const int rank = topology.rank_at(place);
    levels[rank] = levels[parents[rank]] + 1;
  }
  return levels;
}

void AddSubtree(int rank, const std::vector<std::vector<int>>& children, std::vector<int>& ranks) {
  ranks.push_back(rank);
  for (const int child : children[rank]) AddSubtree(child, children, ranks);
}

}  // namespace

RankTree::RankTree(const HostTopology& topology, int rank) {
  std::vector<int> parents;
  std::vector<std::vector<int>> children(topology.num_ranks());
  for (int r = 0; r < topology.num_ranks(); ++r) {
    parents.push_back(ParentOf(topology, r));
    if (parents[r] != kNoParent) children[parents[r]].push_back(r);
  }
  const std::vector<int> levels = Levels(topology, parents);
  parent_ = parents[rank];
  level_ = levels[rank];
  num_levels_ = *std::ranges::max_element(levels) + 1;
  for (const int child : children[rank]) {
    children_.push_back({.rank = child, .subtree = {}});
    AddSubtree(child, children, children_.back().subtree);
  }
  AddSubtree(0, children, order_);
}

std::vector<TreeNeighbour> RankTree::Neighbours() const {
  std::vector<TreeNeighbour> neighbours;
  int num_above = static_cast<int>(std::ssize(order_)) - 1;  // ranks outside this one's subtree
  for (const Child& child : children_) {
    const int subtree = static_cast<int>(std::ssize(child.subtree));
    neighbours.push_back({.rank = child.rank, .is_parent = false, .ranks_beyond = subtree - 1});
    num_above -= subtree;
  }
  if (!is_root()) {
    neighbours.push_back({.rank = parent_, .is_parent = true, .ranks_beyond = num_above - 1});
  }
  return neighbours;
}

}  // namespace octet
