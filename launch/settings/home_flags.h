// --home and --expert-parallel: the homes of sequences, and whether other ranks serve them.

#ifndef OCTET_LAUNCH_SETTINGS_HOME_FLAGS_H_
#define OCTET_LAUNCH_SETTINGS_HOME_FLAGS_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "parallel/transport/communicator.h"
#include "proto/config.pb.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/engine/engine_options.h"
#include "runtime/io/file.h"

namespace octet {

// Returns the ep_size that both flags ask for: 1 if expert_parallel is "off"; 0 for all ranks. An
// error says which is wrong, or that they contradict each other.
absl::StatusOr<int> ResolveGroupSize(const std::string& expert_parallel, int ep_size);

// Checks both settings. With expert_parallel "off", sets ep_size to 1. An error names the flag that
// is wrong or contradicts another.
absl::Status ResolveHomeFlags(RunConfig& config);

// Collective. Sets the options that --home requests: the same on all ranks, except for those that
// only rank 0 reads.
absl::Status ChooseHomes(Communicator& world, const RunConfig& config, FileSystem& files,
                         const ModelFiles& model, EngineOptions& options,
                         std::vector<std::string>& warnings);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETTINGS_HOME_FLAGS_H_
