// The tree along which ranks gather and spread what concerns all of them.

#ifndef OCTET_PARALLEL_TRANSPORT_RANK_TREE_H_
#define OCTET_PARALLEL_TRANSPORT_RANK_TREE_H_

#include <span>
#include <vector>

#include "parallel/transport/host_topology.h"
#include "parallel/watch/tree_neighbour.h"

namespace octet {

// The ranks of a host are below its first one, and the first ranks of hosts below rank 0, so that
// each rank has few neighbours, and few of them on other hosts, however many ranks there are.
class RankTree {
 public:
  // Most neighbours below a rank, on its host and on others each: so many that the ranks of usual
  // hosts are one step from its first.
  static constexpr int kFanOut = 16;

  RankTree(const HostTopology& topology, int rank);

  struct Child {
    int rank;
    std::vector<int> subtree;  // its ranks: itself, then the subtree of each of its children
  };

  bool is_root() const { return parent_ == kNone; }
  int parent() const { return parent_; }  // of a rank that is not the root
  std::span<const Child> children() const { return children_; }

  // This rank's parent, where it has one, and its children.
  std::vector<TreeNeighbour> Neighbours() const;

  // All ranks, each before the subtrees of its children.
  std::span<const int> order() const { return order_; }

  // This rank's level, from 0 at the root, and how many the tree has.
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
