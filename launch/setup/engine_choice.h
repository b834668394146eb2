// The choice of the engine's options from the settings.

#ifndef OCTET_LAUNCH_SETUP_ENGINE_CHOICE_H_
#define OCTET_LAUNCH_SETUP_ENGINE_CHOICE_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "parallel/transport/communicator.h"
#include "proto/config.pb.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/engine/engine_options.h"

namespace octet {

// Returns the type that --dtype requests. "auto" is bfloat16 if the weights are stored so, else
// float32.
absl::StatusOr<DType> ChooseDType(const std::string& wanted, const MixtralTensors& tensors);

// Returns all options but the pages of the KV cache. Errors are the same on all ranks, because
// settings and model are.
absl::StatusOr<EngineOptions> ChooseEngineOptions(const Communicator& world,
                                                  const RunConfig& config, const ModelFiles& model);

// Returns SchedulerLimits::overlap_tokens. hosts: [ranks]; wanted: auto, on or off. On one host,
// tokens travel by a copy, which takes a core: there is no wait to hide.
int64_t ChooseOverlap(std::span<const std::string> hosts, const std::string& wanted, int group_size,
                      int num_experts, int topk);

// Returns the ranks of an expert-parallel group: `ep_size`, or all if it is 0. It is an error if
// the ranks can't be divided into such groups.
absl::StatusOr<int> ChooseGroupSize(int ep_size, int num_ranks);

// The tokens of a step for each rank of a group, if none are wanted and it has two ranks or more.
inline constexpr int64_t kBatchedTokensOfRank = 256;

// Returns SchedulerLimits::max_num_batched_tokens; wanted is 0 if it is not given.
int64_t ChooseBatchedTokens(int64_t wanted, int group_size);

// Returns SchedulerLimits::decode_room for ranks whose rows go from device to device.
int64_t ChooseDecodeRoom(const SchedulerLimits& limits);

// Adds a warning if --max-num-batched-tokens lets fewer sequences run than --max-num-seqs.
void NoteFewTokens(const RunConfig& config, const SchedulerLimits& limits,
                   std::vector<std::string>& warnings);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_ENGINE_CHOICE_H_
