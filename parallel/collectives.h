// Messages of any length between the ranks of a group. For what happens once a step or less often.

#ifndef OCTET_PARALLEL_COLLECTIVES_H_
#define OCTET_PARALLEL_COLLECTIVES_H_

#include <string>
#include <vector>

#include "parallel/communicator.h"

namespace octet {

// Collective: every rank gets what each rank gave, by rank.
std::vector<std::string> AllGather(Communicator& comm, Place place, const std::string& mine);

// Collective: rank 0 gets what each rank gave, by rank; the others get nothing.
std::vector<std::string> GatherToRoot(Communicator& comm, Place place, const std::string& mine);

// Collective: rank r gets parts[r] of rank 0. The parts of other ranks are ignored.
std::string ScatterFromRoot(Communicator& comm, Place place, const std::vector<std::string>& parts);

}  // namespace octet

#endif  // OCTET_PARALLEL_COLLECTIVES_H_
