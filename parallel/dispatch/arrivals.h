// The round and the place in which each parcel from another host arrives.

#ifndef OCTET_PARALLEL_DISPATCH_ARRIVALS_H_
#define OCTET_PARALLEL_DISPATCH_ARRIVALS_H_

#include <cstdint>
#include <span>
#include <vector>

#include "parallel/dispatch/dispatch_limits.h"
#include "parallel/dispatch/letter.h"
#include "parallel/transport/host_topology.h"

namespace octet {

// The arrival of a parcel from another host on the host of its owners.
struct Arrival {
  Parcel parcel;
  int receiver;       // index on the host of the rank that receives it
  int round;          // the round in which the receiver has room for it, from 0
  int32_t first_row;  // in the receiver's room for tokens
  size_t letter_at;   // byte in the receiver's room for letters
};

// Plans the arrivals of `incoming`. Each receiver takes its parcels in the order of `incoming`, and
// in each round as many as it has room for. A pure function: all ranks of the host compute the same
// plan. Reuses the memory of `arrivals`.
void PlanArrivals(std::span<const Parcel> incoming, const HostTopology& hosts,
                  const DispatchLimits& limits, std::vector<Arrival>& arrivals);

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_ARRIVALS_H_
