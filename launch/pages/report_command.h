// octet report: a page from the files of runs, plans, sweeps and replays.

#ifndef OCTET_LAUNCH_PAGES_REPORT_COMMAND_H_
#define OCTET_LAUNCH_PAGES_REPORT_COMMAND_H_

#include <memory>

#include "launch/subcommand.h"

namespace octet {

std::unique_ptr<Subcommand> AddReportCommand(CommandLine& program);

}  // namespace octet

#endif  // OCTET_LAUNCH_PAGES_REPORT_COMMAND_H_
