// The processes of one job.

#ifndef OCTET_PARALLEL_TRANSPORT_WORLD_H_
#define OCTET_PARALLEL_TRANSPORT_WORLD_H_

#include <absl/status/status.h>

#include <chrono>
#include <memory>

#include "kernels/base/buffer.h"
#include "parallel/transport/communicator.h"
#include "parallel/transport/local_communicator.h"

namespace octet {

// Returns whether a launcher of MPI jobs has started this process: mpirun, or srun --mpi=pmix.
bool StartedByLauncher();

// The job of this process: the MPI job in which a launcher started it, or a world of one rank if no
// launcher did. A fatal error on one rank ends all ranks. Make one, in main.
class World {
 public:
  // A process gives up MPI_Init after `startup_timeout`.
  World(int* argc, char*** argv,
        std::chrono::duration<double> startup_timeout = std::chrono::seconds(60));
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  Communicator& communicator() { return *communicator_; }

  // OK if the ranks of a host can see each other's places; otherwise the reason why not. The same
  // on all ranks.
  const absl::Status& shared_places() const { return shared_places_; }

  // Returns an error if a launcher has started several tasks, each of which is a world of its own:
  // the launcher has no PMIx, or belongs to another MPI. Also if OCTET_FAULT (FaultPoint) can't be
  // parsed.
  absl::Status CheckEnvironment() const;

 private:
  void JoinMpi(int* argc, char*** argv, std::chrono::duration<double> startup_timeout);
  void JoinNobody();
  void SharePlaces();
  void InstallFault(int rank);

  bool uses_mpi_ = false;
  absl::Status fault_status_;
  absl::Status shared_places_;
  std::unique_ptr<ProcessWatch> process_;
  Buffer places_;  // [ranks] SharedPlace, in memory that this host's ranks share
  std::unique_ptr<LocalWorld> local_;
  std::unique_ptr<Communicator> communicator_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_WORLD_H_
