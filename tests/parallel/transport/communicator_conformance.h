// What every transport must do. Collective: each function is called by every rank of a group.

#ifndef OCTET_TESTS_PARALLEL_TRANSPORT_COMMUNICATOR_CONFORMANCE_H_
#define OCTET_TESTS_PARALLEL_TRANSPORT_COMMUNICATOR_CONFORMANCE_H_

#include "parallel/transport/communicator.h"

namespace octet {

// Messages of many sizes, from empty to large, arrive whole and in order.
void CheckMessagesArrive(Communicator& comm);

// Messages around multiples of the parts in which long ones go, in exact and in larger rooms.
void CheckLongMessagesArrive(Communicator& comm);

// Two exchanges in flight do not mix.
void CheckExchangesOverlap(Communicator& comm);

// What was sent to other ranks is counted by kind; what stays is not.
void CheckTrafficIsCounted(Communicator& comm);

// AllGather, GatherToRoot and ScatterFromRoot with short and long messages.
void CheckCollectives(Communicator& comm);
void CheckMessengerIsUsedAgain(Communicator& comm);

// Consecutive ranks form groups of every size that divides the world.
void CheckGroups(Communicator& comm);

// Exchanges of two groups of the same ranks do not mix.
void CheckGroupsOfTheSameRanks(Communicator& comm);

// An error or a difference on one rank is known to all, with its name.
void CheckAgreement(Communicator& comm);

}  // namespace octet

#endif  // OCTET_TESTS_PARALLEL_TRANSPORT_COMMUNICATOR_CONFORMANCE_H_
