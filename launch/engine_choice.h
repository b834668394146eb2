// From settings to what an engine is asked to do.

#ifndef OCTET_LAUNCH_ENGINE_CHOICE_H_
#define OCTET_LAUNCH_ENGINE_CHOICE_H_

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "parallel/transport/communicator.h"
#include "proto/config.pb.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/engine/engine_options.h"

namespace octet {

// What --dtype asks for: auto is bfloat16 where the weights are stored so, else float32.
absl::StatusOr<DType> ChooseDType(const std::string& wanted, const MixtralTensors& tensors);

// All but the pages of the KV cache. Errors are the same on all ranks, which have the same settings
// and model.
absl::StatusOr<EngineOptions> ChooseEngineOptions(const Communicator& world,
                                                  const RunConfig& config, const ModelFiles& model);

// Warns where --max-num-batched-tokens lets fewer sequences run than --max-num-seqs.
void NoteFewTokens(const RunConfig& config, const SchedulerLimits& limits,
                   std::vector<std::string>& warnings);

}  // namespace octet

#endif  // OCTET_LAUNCH_ENGINE_CHOICE_H_
