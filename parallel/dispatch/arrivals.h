// When and where what comes from other hosts arrives.

#ifndef OCTET_PARALLEL_DISPATCH_ARRIVALS_H_
#define OCTET_PARALLEL_DISPATCH_ARRIVALS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/dispatch/dispatch_limits.h"
#include "parallel/dispatch/letter.h"
#include "parallel/transport/host_topology.h"

namespace octet {

// A parcel of another host's rank, on the host of its owners.
struct Arrival {
  Parcel parcel;
  int receiver;       // its index on the host
  int round;          // in which the receiver has room for it
  int32_t first_row;  // of the receiver's room for tokens
  size_t letter_at;   // byte of its room for letters
};

// Each receiver takes parcels in the order in which they are given, as many in a round as it has
// room for. A pure function, which all ranks of the host compute alike. Uses the memory of
// `arrivals`.
void PlanArrivals(std::span<const Parcel> incoming, const HostTopology& hosts,
                  const DispatchLimits& limits, std::vector<Arrival>& arrivals);

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_ARRIVALS_H_
