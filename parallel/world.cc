#include "parallel/world.h"

#include <mpi.h>

#include <cstdlib>

#include "kernels/check.h"
#include "parallel/mpi_communicator.h"

namespace octet {
namespace {

// Set by mpirun (Open MPI), by srun --mpi=pmix and by srun --mpi=pmi2.
bool StartedByLauncher() {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"}) {
    if (std::getenv(name) != nullptr) return true;
  }
  return false;
}

void AbortAllRanks() { MPI_Abort(MPI_COMM_WORLD, 1); }

std::unique_ptr<Communicator> JoinMpi(int* argc, char*** argv) {
  int provided = 0;
  MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);
  OCTET_CHECK(provided >= MPI_THREAD_FUNNELED) << "the MPI library has no support for threads";
  SetFatalHandler(AbortAllRanks);
  MPI_Comm comm = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &comm);
  return std::make_unique<MpiCommunicator>(comm);
}

}  // namespace

World::World(int* argc, char*** argv) : uses_mpi_(StartedByLauncher()) {
  if (uses_mpi_) {
    communicator_ = JoinMpi(argc, argv);
    const int rank = communicator_->rank();
    SetThreadLabel("rank " + std::to_string(rank) + " of " + std::to_string(communicator_->size()) +
                   " on " + communicator_->hosts()[rank]);
  } else {
    local_ = std::make_unique<LocalWorld>(1);
    communicator_ = std::make_unique<LocalCommunicator>(*local_, 0);
  }
}

World::~World() {
  communicator_.reset();
  if (uses_mpi_) MPI_Finalize();
}

}  // namespace octet
