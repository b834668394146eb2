// --home and --expert-parallel: where sequences live, and whether other ranks serve them.

#ifndef OCTET_LAUNCH_HOME_FLAGS_H_
#define OCTET_LAUNCH_HOME_FLAGS_H_

#include <absl/status/status.h>

#include <string>
#include <vector>

#include "parallel/transport/communicator.h"
#include "proto/config.pb.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/engine/engine_options.h"
#include "runtime/io/file.h"

namespace octet {

// Checks both settings; with expert_parallel "off", ep_size becomes 1. An error names the flag that
// is wrong, or contradicts another.
absl::Status ResolveHomeFlags(RunConfig& config);

// Collective: the options that --home asks for, the same on all ranks but for what only rank 0
// reads.
absl::Status ChooseHomes(Communicator& world, const RunConfig& config, FileSystem& files,
                         const ModelFiles& model, EngineOptions& options,
                         std::vector<std::string>& warnings);

}  // namespace octet

#endif  // OCTET_LAUNCH_HOME_FLAGS_H_
