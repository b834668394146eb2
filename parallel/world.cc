#include "parallel/world.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <mpi.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdlib>

#include "kernels/check.h"
#include "parallel/mpi_communicator.h"

namespace octet {
namespace {

// Set by mpirun (Open MPI) and by srun --mpi=pmix.
bool StartedByLauncher() {
  return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr || std::getenv("PMIX_RANK") != nullptr;
}

// How launchers whose ranks can't find each other say how many tasks they have started.
struct TaskCount {
  const char* variable;
  const char* advice;
};
constexpr TaskCount kTaskCounts[] = {
    {"OMPI_COMM_WORLD_SIZE", "use the mpirun of the Open MPI that octet was built with"},
    {"SLURM_STEP_NUM_TASKS", "use srun --mpi=pmix, or launch/run.sh in the allocation"},
    {"PMI_SIZE", "use Open MPI's mpirun, or srun --mpi=pmix"},
    {"MPI_LOCALNRANKS", "use Open MPI's mpirun"},
};

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
    std::array<char, HOST_NAME_MAX + 1> name = {};
    gethostname(name.data(), HOST_NAME_MAX);
    local_ = std::make_unique<LocalWorld>(std::vector<std::string>{name.data()});
    communicator_ = std::make_unique<LocalCommunicator>(*local_, 0);
  }
}

absl::Status World::CheckLauncher() const {
  if (communicator_->size() > 1) return absl::OkStatus();
  for (const auto& [variable, advice] : kTaskCounts) {
    const char* text = std::getenv(variable);
    int tasks = 0;
    if (text == nullptr || !absl::SimpleAtoi(text, &tasks)) continue;
    if (tasks == 1) return absl::OkStatus();  // mpirun -n 1 within a larger SLURM step
    return absl::FailedPreconditionError(
        absl::StrCat("the launcher started ", tasks, " tasks (", variable,
                     "), but this one finds none of the others: ", advice));
  }
  return absl::OkStatus();
}

World::~World() {
  communicator_.reset();
  if (uses_mpi_) MPI_Finalize();
}

}  // namespace octet
