// The tree along which ranks gather and spread messages.

#ifndef OCTET_PARALLEL_TRANSPORT_RANK_TREE_H_
#define OCTET_PARALLEL_TRANSPORT_RANK_TREE_H_

#include <span>
#include <vector>

#include "parallel/transport/host_topology.h"
#include "parallel/watch/tree_neighbour.h"

namespace octet {

// The tree of all ranks, as one rank sees it. The ranks of a host are below its first rank, and the
// first ranks of hosts are below rank 0. However many ranks there are, each rank has few
// neighbours, and few of them on other hosts.
class RankTree {
 public:
  // The most children of a rank on its own host, and also the most on other hosts. The ranks of a
  // usual host are one step below its first rank.
  static constexpr int kFanOut = 16;

  RankTree(const HostTopology& topology, int rank);

  struct Child {
    int rank;
    std::vector<int> subtree;  // its ranks: itself, then the subtree of each of its children
  };

  bool is_root() const { return parent_ == kNone; }
  int parent() const { return parent_; }  // of a rank that is not the root
  std::span<const Child> children() const { return children_; }

  // Returns this rank's children, and its parent if it has one.
  std::vector<TreeNeighbour> Neighbours() const;

  // All ranks; each rank comes before the subtrees of its children.
  std::span<const int> order() const { return order_; }

  // The level of this rank, from 0 at the root, and the number of levels.
  int level() const { return level_; }
  int num_levels() const { return num_levels_; }

 private:
  static constexpr int kNone = -1;

  int parent_ = kNone;
  int level_ = 0;
  int num_levels_ = 1;
  std::vector<Child> children_;
  std::vector<int> order_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_RANK_TREE_H_
