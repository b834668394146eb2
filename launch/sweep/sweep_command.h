// octet sweep: octet bench throughput over settings, unattended.

#ifndef OCTET_LAUNCH_SWEEP_SWEEP_COMMAND_H_
#define OCTET_LAUNCH_SWEEP_SWEEP_COMMAND_H_

#include <memory>

#include "launch/process/stop_signals.h"
#include "launch/subcommand.h"

namespace octet {

std::unique_ptr<Subcommand> AddSweep(CommandLine& program, StopSignals& signals);

}  // namespace octet

#endif  // OCTET_LAUNCH_SWEEP_SWEEP_COMMAND_H_
