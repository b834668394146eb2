// The start of every job: settings and setup, agreed on by all ranks.

#ifndef OCTET_LAUNCH_SETUP_JOB_START_H_
#define OCTET_LAUNCH_SETUP_JOB_START_H_

#include <absl/status/statusor.h>

#include <functional>

#include "launch/settings/run_config.h"
#include "launch/setup/job_setup.h"
#include "parallel/transport/communicator.h"
#include "proto/config.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Collective. Returns the settings, or the error of the lowest rank that has one: a --config file
// may be missing on one host only.
absl::StatusOr<RunConfig> ResolveOnAllRanks(Communicator& world, const RunConfigFlags& flags);

// Collective. Calls SetUpJob, and tells the user about the result: notes, ranks and, for a dry run,
// the memory plan. Tells nothing if `check` fails on a rank. Errors are agreed on.
absl::StatusOr<JobSetup> SetUpAndReport(
    Communicator& world, const RunConfig& config, FileSystem& files,
    const std::function<absl::Status(const JobSetup&)>& check = nullptr);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_JOB_START_H_
