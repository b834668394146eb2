// A neighbour from which a rank hears about other ranks.

#ifndef OCTET_PARALLEL_WATCH_TREE_NEIGHBOUR_H_
#define OCTET_PARALLEL_WATCH_TREE_NEIGHBOUR_H_

namespace octet {

// One of this rank's few neighbours in the tree of ranks along which heartbeats go.
struct TreeNeighbour {
  int rank;
  bool is_parent;    // otherwise a child
  int ranks_beyond;  // that the tree connects to this rank only through this neighbour
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WATCH_TREE_NEIGHBOUR_H_
