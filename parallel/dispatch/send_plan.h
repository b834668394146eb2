// The plan by which the tokens of one rank reach their experts in one layer.

#ifndef OCTET_PARALLEL_DISPATCH_SEND_PLAN_H_
#define OCTET_PARALLEL_DISPATCH_SEND_PLAN_H_

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/base/row_sums.h"
#include "parallel/dispatch/letter.h"
#include "parallel/dispatch/routing.h"
#include "parallel/transport/host_topology.h"

namespace octet {

// The plan of a home for its tokens: a pure function of its routing and of the owners that it
// chose.
//
// A token goes once to each other host on which it has an expert; on its own host it is read in
// place. It comes back as one row for each slot, or as one summed row from a rank that has all of
// its experts. Rows that come back lie owner by owner in the home's room for returns.
struct SendPlan {
  // A host with owners.
  struct Host {
    int host;
    int32_t first_owner, num_owners;  // of `owners`
    int32_t first_token, num_tokens;  // of `tokens`; none on the home's own host
  };

  std::vector<OwnerPairs> owners;  // by host, then by rank
  std::vector<RoutedPair> pairs;   // owner by owner, each in the order of tokens and slots
  std::vector<Host> hosts;         // the other hosts, ascending
  Host own_host;
  std::vector<int32_t> tokens;  // own tokens for each of the other hosts, ascending
  RowSums combine;              // of the rows that come back, for each own token, in slot order

  // The same by token and slot: [num_tokens, topk].
  std::vector<int32_t> owner_of;   // rank
  std::vector<int32_t> row_of;     // RoutedPair::row
  std::vector<int32_t> return_of;  // row of the home's room for returns

  // Makes room for plans of `num_pairs` pairs.
  void Reserve(int64_t num_pairs);

  Letter LetterTo(const Host& host) const;
  Parcel ParcelTo(const Host& host, int home) const;

  // Used by PlanSend only.
  std::vector<int32_t> begins;
  std::vector<int32_t> slot_of;  // [pairs] index by token and slot
};

// `home` is the rank of the tokens. owner_of: [num_tokens, topk], a rank that has the expert.
// `reuse` gives its memory to the result.
SendPlan PlanSend(const Routing& routing, std::span<const int32_t> owner_of, int home,
                  const HostTopology& topology, SendPlan reuse = {});

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_SEND_PLAN_H_
