// Messages of any length between the ranks of a group. For what happens once a step or less often.

#ifndef OCTET_PARALLEL_TRANSPORT_COLLECTIVES_H_
#define OCTET_PARALLEL_TRANSPORT_COLLECTIVES_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "parallel/transport/communicator.h"

namespace octet {

// Keeps its memory: messages no longer than earlier ones allocate nothing. What a call returns is
// valid until the next one.
class Messenger {
 public:
  explicit Messenger(Communicator& comm);

  // Collective: every rank gets what each rank gave, by rank.
  std::span<const std::string> AllGather(Place place, std::string_view mine);

  // Collective: rank 0 gets what each rank gave, by rank; the others get empty ones.
  std::span<const std::string> GatherToRoot(Place place, std::string_view mine);

  // Collective: rank r gets parts[r] of rank 0. The parts of other ranks are ignored.
  const std::string& ScatterFromRoot(Place place, std::span<const std::string> parts);

 private:
  // Collective: sends to_[r] to each rank r that has one, receives from the ranks in from_.
  std::span<const std::string> Exchange(Place place);
  void ExchangeFirstParts(Place place);
  void ExchangeRest(Place place);

  Communicator& comm_;
  std::vector<std::optional<std::string_view>> to_;  // [ranks]
  std::vector<bool> from_;                           // [ranks]
  std::vector<std::string> frames_out_;              // [ranks] a message's length and first part
  std::vector<std::string> frames_in_;               // [ranks]
  std::vector<std::string> received_;                // [ranks]
  std::vector<ConstBytes> send_;
  std::vector<Bytes> recv_;
};

// Collective: the same, for a single time.
std::vector<std::string> AllGather(Communicator& comm, Place place, std::string_view mine);
std::vector<std::string> GatherToRoot(Communicator& comm, Place place, std::string_view mine);

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_COLLECTIVES_H_
