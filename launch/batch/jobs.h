// octet jobs: how far jobs are.

#ifndef OCTET_LAUNCH_BATCH_JOBS_H_
#define OCTET_LAUNCH_BATCH_JOBS_H_

#include <memory>

#include "launch/subcommand.h"

namespace octet {

std::unique_ptr<Subcommand> AddJobs(CommandLine& program);

}  // namespace octet

#endif  // OCTET_LAUNCH_BATCH_JOBS_H_
