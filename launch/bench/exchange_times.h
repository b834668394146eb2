// How long exchanges take, beside MPI's own messages in the same run.

#ifndef OCTET_LAUNCH_BENCH_EXCHANGE_TIMES_H_
#define OCTET_LAUNCH_BENCH_EXCHANGE_TIMES_H_

#include <vector>

#include "kernels/base/backend.h"
#include "launch/bench/exchange_case.h"
#include "launch/bench/mpi_messages.h"
#include "parallel/placement/expert_placement.h"
#include "parallel/transport/communicator.h"
#include "proto/machine_profile.pb.h"

namespace octet {

// Collective: messages of 8 bytes to 4 MiB that go to and fro between rank 0 and the first other
// rank of its host, and the first rank of another host. Whole on rank 0.
std::vector<MessageTime> MeasureMessages(Communicator& comm, PlainExchange plain);

// Collective: messages of 1 KiB to 4 MiB between all ranks at once. Whole on rank 0.
std::vector<AllToAllTime> MeasureAllToAll(Communicator& comm, PlainExchange plain);

struct MoeExchangeResult {
  MoeExchangeTime time;  // but for `placement`; whole on rank 0
  bool right = false;    // what this rank got
};

// Collective: medians of the times from when all ranks have come to when a rank is done, on the
// slowest rank. Dispatch and combine include the gathering and adding of rows; the bound is `plain`
// messages of the same sizes, in turn with them.
MoeExchangeResult MeasureMoeExchange(Communicator& comm, PlainExchange plain,
                                     const ExpertPlacement& placement, Backend& backend,
                                     const ExchangeCase& exchange_case);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_EXCHANGE_TIMES_H_
