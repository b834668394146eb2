// octet run-batch: a JSONL file of requests in, a JSONL file of answers out.

#ifndef OCTET_LAUNCH_BATCH_RUN_BATCH_H_
#define OCTET_LAUNCH_BATCH_RUN_BATCH_H_

#include <memory>

#include "launch/process/stop_signals.h"
#include "launch/subcommand.h"

namespace octet {

std::unique_ptr<Subcommand> AddRunBatch(CommandLine& parent, StopSignals& signals);

}  // namespace octet

#endif  // OCTET_LAUNCH_BATCH_RUN_BATCH_H_
