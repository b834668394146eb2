// Whom a rank hears of others from.

#ifndef OCTET_PARALLEL_WATCH_TREE_NEIGHBOUR_H_
#define OCTET_PARALLEL_WATCH_TREE_NEIGHBOUR_H_

namespace octet {

// Heartbeats go along a tree of the ranks. One of this rank's few neighbours in it.
struct TreeNeighbour {
  int rank;
  bool is_parent;    // otherwise a child
  int ranks_beyond;  // that the tree joins to this rank only through it
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_TREE_NEIGHBOUR_H_
