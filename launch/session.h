// A model that is loaded and ready on every rank.

#ifndef OCTET_LAUNCH_SESSION_H_
#define OCTET_LAUNCH_SESSION_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "launch/job_setup.h"
#include "parallel/transport/communicator.h"
#include "proto/config.pb.h"
#include "runtime/checkpoint/weights.h"
#include "runtime/engine/engine.h"

namespace octet {

// What subcommands that run a model have in common. `world` and `setup` must outlive it.
class Session {
 public:
  // Collective: loads this rank's weights, those that `cache` has from there; errors are agreed on.
  // `progress` is of this rank. All ranks have a cache, or none.
  static absl::StatusOr<std::unique_ptr<Session>> Load(Communicator& world, const JobSetup& setup,
                                                       double timeout_seconds,
                                                       const LoadProgress& progress,
                                                       PackCache* cache = nullptr);

  // Puts what this rank loaded, and the cache did not have, there.
  void KeepWeights(PackCache& cache);

  Engine& engine() { return *engine_; }
  const ModelWeights& weights() const { return weights_; }
  const Communicator& group() const { return *group_; }
  double load_seconds() const { return load_seconds_; }
  uint64_t bytes_loaded() const { return bytes_loaded_; }  // read by this rank

 private:
  Session() = default;

  std::unique_ptr<Communicator> group_;
  std::unique_ptr<Backend> backend_;
  ModelWeights weights_;
  bool keeps_replicated_ = false;  // no other rank of this host does
  std::unique_ptr<Engine> engine_;
  double load_seconds_ = 0;
  uint64_t bytes_loaded_ = 0;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_SESSION_H_
