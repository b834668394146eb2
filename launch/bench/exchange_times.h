// The times of exchanges, beside MPI's own messages in the same run.

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

// Collective. Measures messages of 8 bytes to 4 MiB, to and fro between rank 0 and two peers: the
// first other rank of its host, and the first rank of another host. The result is complete on rank
// 0.
std::vector<MessageTime> MeasureMessages(Communicator& comm, PlainExchange plain);

// Collective. Measures messages of 1 KiB to 4 MiB between all ranks at once. The result is complete
// on rank 0.
std::vector<AllToAllTime> MeasureAllToAll(Communicator& comm, PlainExchange plain);

struct MoeExchangeResult {
  MoeExchangeTime time;  // without `placement`; complete on rank 0
  bool right = false;    // this rank got the right values
};

// Collective. Measures medians of the time on the slowest rank, from when all ranks are ready until
// a rank is done. Dispatch and combine include the gathering and adding of rows. The bound is
// `plain` messages of the same sizes, measured in turn with them.
MoeExchangeResult MeasureMoeExchange(Communicator& comm, PlainExchange plain,
                                     const ExpertPlacement& placement, Backend& backend,
                                     const ExchangeCase& exchange_case);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_EXCHANGE_TIMES_H_
