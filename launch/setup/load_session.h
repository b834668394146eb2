// The loading of a session on all ranks, from the model's files or from a pack cache.

#ifndef OCTET_LAUNCH_SETUP_LOAD_SESSION_H_
#define OCTET_LAUNCH_SETUP_LOAD_SESSION_H_

#include <absl/status/statusor.h>

#include <memory>

#include "launch/console/progress.h"
#include "launch/setup/job_setup.h"
#include "launch/setup/session.h"
#include "parallel/transport/communicator.h"
#include "proto/config.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Collective. Loads the model and reports the progress. With --pack-cache, loads from the cache,
// and adds what the cache lacks.
absl::StatusOr<std::unique_ptr<Session>> LoadSession(Communicator& world, const RunConfig& config,
                                                     const JobSetup& setup, FileSystem& files,
                                                     Progress& progress);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_LOAD_SESSION_H_
