// Messages of any length between the ranks of a group, for use once a step or less often.

#ifndef OCTET_PARALLEL_TRANSPORT_COLLECTIVES_H_
#define OCTET_PARALLEL_TRANSPORT_COLLECTIVES_H_

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parallel/transport/communicator.h"
#include "parallel/transport/rank_tree.h"

namespace octet {

// A messenger along a tree of the ranks (RankTree), level by level. Keeps its memory: messages no
// longer than earlier ones allocate nothing. The result of a call is valid until the next call.
class Messenger {
 public:
  explicit Messenger(Communicator& comm);

  // Collective: every rank gets the message of each rank, by rank.
  std::span<const std::string> AllGather(Place place, std::string_view mine);

  // Collective: rank 0 gets the message of each rank, by rank; the others get empty messages.
  std::span<const std::string> GatherToRoot(Place place, std::string_view mine);

  // Collective: rank r gets parts[r] of rank 0. The parts of other ranks are ignored.
  const std::string& ScatterFromRoot(Place place, std::span<const std::string> parts);

 private:
  // The bundles that pass between this rank and a neighbour in the tree: the messages of a part of
  // the ranks, in the tree's order.
  struct Neighbour {
    int rank;
    std::string out;
    std::string in;
    std::string first_out;  // the length of `out`, and its first part
    std::string first_in;
  };

  void Gather(Place place, std::string_view mine);
  void ReadAll(std::string_view bundle);

  // Collective: moves bundles from the ranks of `level` to their parents, or from the parents to
  // them.
  void MoveUp(Place place, int level);
  void MoveDown(Place place, int level);
  void Move(Place place, std::span<Neighbour> to, std::span<Neighbour> from);
  void Transfer(Place place);

  Communicator& comm_;
  const RankTree tree_;
  std::vector<Neighbour> parent_;    // one, or none
  std::vector<Neighbour> children_;  // as tree_ has them
  std::unique_ptr<Exchange> exchange_;
  std::vector<Outgoing> send_;
  std::vector<Incoming> recv_;
  std::string bundle_;
  std::vector<std::string> received_;  // [ranks]
};

// Collective, for measurements: every rank sends send[r] to each other rank r, and receives into
// recv[r] from it, if these are not empty. Returns the bytes that came from each rank.
std::vector<size_t> AllToAll(Communicator& comm, Traffic kind, Place place,
                             std::span<const ConstBytes> send, std::span<const Bytes> recv);

// Collective: does the same as a Messenger, for a single call.
std::vector<std::string> AllGather(Communicator& comm, Place place, std::string_view mine);
std::vector<std::string> GatherToRoot(Communicator& comm, Place place, std::string_view mine);

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_COLLECTIVES_H_
