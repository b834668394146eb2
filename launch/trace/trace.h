// octet trace: the statistics of a routing trace, and its tokens as files.

#ifndef OCTET_LAUNCH_TRACE_TRACE_H_
#define OCTET_LAUNCH_TRACE_TRACE_H_

#include <memory>

#include "launch/subcommand.h"

namespace octet {

std::unique_ptr<Subcommand> AddTraceStats(CommandLine& trace);
std::unique_ptr<Subcommand> AddTraceExport(CommandLine& trace);

}  // namespace octet

#endif  // OCTET_LAUNCH_TRACE_TRACE_H_
