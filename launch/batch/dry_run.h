// A batch job that is only checked.

#ifndef OCTET_LAUNCH_BATCH_DRY_RUN_H_
#define OCTET_LAUNCH_BATCH_DRY_RUN_H_

#include "launch/exit_code.h"
#include "launch/setup/job_setup.h"
#include "parallel/transport/communicator.h"
#include "proto/config.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Collective. Checks the files of a batch job and reads all its lines, as the job would. Tells the
// user what they request and which would be refused, and writes nothing. Ends like the job. Without
// input and output there is nothing to check.
ExitCode DryRun(Communicator& world, const RunConfig& config, const JobSetup& setup,
                FileSystem& files);

}  // namespace octet

#endif  // OCTET_LAUNCH_BATCH_DRY_RUN_H_
