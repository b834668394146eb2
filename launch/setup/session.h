// A model that is loaded and ready on every rank.

#ifndef OCTET_LAUNCH_SETUP_SESSION_H_
#define OCTET_LAUNCH_SETUP_SESSION_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "launch/setup/job_setup.h"
#include "parallel/transport/communicator.h"
#include "proto/config.pb.h"
#include "runtime/checkpoint/weights.h"
#include "runtime/engine/engine.h"

namespace octet {

// The session that subcommands with a model share. `world` and `setup` must outlive it.
class Session {
 public:
  // Collective. Loads this rank's weights, from `cache` if it has them. Errors are agreed on.
  // `progress` belongs to this rank. Either all ranks have a cache, or none has one.
  static absl::StatusOr<std::unique_ptr<Session>> Load(Communicator& world, const JobSetup& setup,
                                                       double timeout_seconds,
                                                       const LoadProgress& progress,
                                                       PackCache* cache = nullptr);

  // Adds the weights that this rank loaded, and that the cache lacks, to the cache.
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
  std::unique_ptr<RowTransport> rows_;  // between devices; null if rows lie in memory of hosts
  ModelWeights weights_;
  bool keeps_replicated_ = false;  // then no other rank of this host does
  std::unique_ptr<Engine> engine_;
  double load_seconds_ = 0;
  uint64_t bytes_loaded_ = 0;
};

}  // namespace octet

#endif  // OCTET_LAUNCH_SETUP_SESSION_H_
