// Weights that stay in the hosts' memory between the attempts of a job (--keep-weights).

#ifndef OCTET_LAUNCH_SETUP_KEEP_WEIGHTS_H_
#define OCTET_LAUNCH_SETUP_KEEP_WEIGHTS_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "parallel/transport/communicator.h"
#include "parallel/transport/host_group.h"
#include "proto/config.pb.h"
#include "runtime/checkpoint/kept_weights.h"
#include "runtime/checkpoint/model_files.h"
#include "runtime/io/file.h"

namespace octet {

// Returns a short text that identifies the source of packed weights: files by size, time and
// beginning.
absl::StatusOr<std::string> NameOfWeights(const RunConfig& config, const ModelFiles& model,
                                          FileSystem& files);

// Returns the formats of packed weights: "bfloat16", or "Q4_K+Q6_K+bfloat16".
std::string NameOfPackedFormats(const ModelFiles& model, DType dtype);

// Refuses --keep-weights with settings that it can't be combined with.
absl::Status CheckKeepWeights(const RunConfig& config);

// What a rank knows of the weights that stay on its host.
struct HostWeights {
  std::unique_ptr<KeptWeights> kept;  // null if none stay
  bool leads = false;                 // the first rank of the host
  int64_t bytes = 0;                  // of the host's memory that they take already
  std::string directory;              // the same on all hosts; empty if weights stay on none
};

// Collective. Without --keep-weights, returns none. Hosts on which none can stay become warnings; a
// directory that is not in memory is an error. A dry run only counts.
absl::StatusOr<HostWeights> OpenHostWeights(Communicator& world, const RunConfig& config,
                                            const ModelFiles& model, DType dtype, FileSystem& files,
                                            std::vector<std::string>& warnings);

// Says it on rank 0, before weights are loaded: launch/run.sh looks after them when the job has
// gone.
void SayWhereWeightsStay(const Communicator& world, const HostWeights& weights);

// Collective. Says on rank 0 what does not stay.
void NoteHostWeights(Communicator& world, const RunConfig& config, const HostWeights& weights);

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_KEEP_WEIGHTS_H_
