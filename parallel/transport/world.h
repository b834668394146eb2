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

// Joins the MPI job that this process was started in, or makes a world of one when no launcher
// started it. A fatal error on one rank ends all ranks. Make one, in main.
class World {
 public:
  // `startup_timeout`: after which a process gives up MPI_Init.
  World(int* argc, char*** argv,
        std::chrono::duration<double> startup_timeout = std::chrono::seconds(60));
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  ~World();

  Communicator& communicator() { return *communicator_; }

  // Why the ranks of a host can't see where the others are; OK where they can. The same on all
  // ranks.
  const absl::Status& shared_places() const { return shared_places_; }

  // An error where a launcher has started several tasks and each is a world of its own: one without
  // PMIx, or of another MPI. Also where OCTET_FAULT (FaultPoint) can't be understood.
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
  Buffer places_;  // [ranks] SharedPlace, in memory of this host
  std::unique_ptr<LocalWorld> local_;
  std::unique_ptr<Communicator> communicator_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_WORLD_H_
