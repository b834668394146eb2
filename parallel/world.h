// The processes of one job.

#ifndef OCTET_PARALLEL_WORLD_H_
#define OCTET_PARALLEL_WORLD_H_

#include <absl/status/status.h>

#include <memory>

#include "parallel/communicator.h"
#include "parallel/local_communicator.h"

namespace octet {

// Joins the MPI job that this process was started in, or makes a world of one when no launcher
// started it. A fatal error on one rank ends all ranks. Make one, in main.
class World {
 public:
  World(int* argc, char*** argv);
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  Communicator& communicator() { return *communicator_; }

  // An error where a launcher has started several tasks and each is a world of its own: one without
  // PMIx, or of another MPI.
  absl::Status CheckLauncher() const;

 private:
  bool uses_mpi_ = false;
  std::unique_ptr<LocalWorld> local_;
  std::unique_ptr<Communicator> communicator_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_WORLD_H_
