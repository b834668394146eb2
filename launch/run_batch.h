// octet run-batch.

#ifndef OCTET_LAUNCH_RUN_BATCH_H_
#define OCTET_LAUNCH_RUN_BATCH_H_

#include "launch/exit_code.h"
#include "parallel/communicator.h"
#include "proto/config.pb.h"

namespace octet {

// Collective: serves config.input into config.output. Rank 0 tells a person what happens, on
// standard error.
ExitCode RunBatch(Communicator& comm, const RunConfig& config);

}  // namespace octet

#endif  // OCTET_LAUNCH_RUN_BATCH_H_
