#include "parallel/transport/world.h"

#include <absl/strings/str_cat.h>
#include <mpi.h>
#include <sys/resource.h>

#include <cstdlib>
#include <limits>
#include <optional>

#include "kernels/base/check.h"
#include "kernels/base/number_range.h"
#include "parallel/transport/host_group.h"
#include "parallel/transport/host_name.h"
#include "parallel/transport/mpi_communicator.h"
#include "parallel/watch/fault_point.h"

namespace octet {
namespace {

// The numbers that launchers may give.
constexpr NumberRange<int> kTasks = {1, std::numeric_limits<int>::max()};
constexpr NumberRange<int> kRankVariables = {0, std::numeric_limits<int>::max()};

// The variable in which a launcher gives the number of its tasks, and the advice if these tasks
// can't find each other.
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

// Each connection takes a descriptor, and a rank may read many files besides.
void RaiseDescriptorLimit() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);  // if it is refused, the old limit may do
}

void AbortAllRanks() { MPI_Abort(MPI_COMM_WORLD, 1); }

// Returns the rank that the launcher gives this process, for use before MPI_Init. 0 if it gives
// none.
int LaunchedRank() {
  for (const char* variable : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK"}) {
    const char* text = std::getenv(variable);
    const auto rank = text == nullptr ? std::nullopt : kRankVariables.Parse(text);
    if (rank) return *rank;
  }
  return 0;
}

}  // namespace

// The variables are set by mpirun (Open MPI) and by srun --mpi=pmix.
bool StartedByLauncher() {
  return std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr || std::getenv("PMIX_RANK") != nullptr;
}

World::World(int* argc, char*** argv, std::chrono::duration<double> startup_timeout)
    : uses_mpi_(StartedByLauncher()) {
  InstallFault(LaunchedRank());
  if (uses_mpi_) {
    JoinMpi(argc, argv, startup_timeout);
    SharePlaces();
  } else {
    JoinNobody();
  }
}

void World::InstallFault(int rank) {
  const absl::StatusOr<std::optional<FaultPoint>> fault = FaultPoint::FromEnvironment();
  fault_status_ = fault.status();
  if (fault.ok() && *fault && (*fault)->rank == rank) (*fault)->Install(Activity::OfThisThread());
}

void World::JoinMpi(int* argc, char*** argv, std::chrono::duration<double> startup_timeout) {
  RaiseDescriptorLimit();
  process_ = std::make_unique<ProcessWatch>(LaunchedRank(), HostName(), startup_timeout);
  const Activity::Scope place({"init"});
  const ProcessWatch::CollectiveCall call(*process_, "MPI_Init");
  int provided = 0;
  MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided);
  OCTET_CHECK(provided >= MPI_THREAD_FUNNELED) << "the MPI library has no support for threads";
  SetFatalHandler(AbortAllRanks);
  MPI_Comm comm = MPI_COMM_NULL;
  MPI_Comm_dup(MPI_COMM_WORLD, &comm);
  communicator_ = std::make_unique<MpiCommunicator>(comm);
  const int rank = communicator_->rank();
  SetThreadLabel("rank " + std::to_string(rank) + " of " + std::to_string(communicator_->size()) +
                 " on " + communicator_->hosts()[rank]);
  communicator_->watchdog().SetProcessWatch(process_.get());
  process_->SetRecorder(&communicator_->watchdog().recorder());
}

// Collective: shares the places of a host's ranks. Without shared memory, heartbeats tell the
// places.
void World::SharePlaces() {
  const HostGroup host = FindHostGroup(*communicator_);
  absl::StatusOr<Buffer> memory =
      MapHostMemory(*communicator_, host, communicator_->size() * sizeof(SharedPlace));
  shared_places_ = memory.status();
  if (!memory.ok()) return;
  places_ = *std::move(memory);
  auto* all = reinterpret_cast<SharedPlace*>(places_.data());
  std::vector<const SharedPlace*> places(communicator_->size());
  for (const int r : host.ranks) places[r] = all + r;
  Activity::OfThisThread().SetShared(all + communicator_->rank());
  communicator_->watchdog().SetPlaces(std::move(places));
}

void World::JoinNobody() {
  local_ = std::make_unique<LocalWorld>(std::vector<std::string>{HostName()});
  communicator_ = std::make_unique<LocalCommunicator>(*local_, 0);
}

absl::Status World::CheckEnvironment() const {
  if (!fault_status_.ok()) return fault_status_;
  if (communicator_->size() > 1) return absl::OkStatus();
  for (const auto& [variable, advice] : kTaskCounts) {
    const char* text = std::getenv(variable);
    const auto tasks = text == nullptr ? std::nullopt : kTasks.Parse(text);
    if (!tasks) continue;
    if (*tasks == 1) return absl::OkStatus();  // mpirun -n 1 within a larger SLURM step
    return absl::FailedPreconditionError(
        absl::StrCat("the launcher started ", *tasks, " tasks (", variable,
                     "), but this one finds none of the others: ", advice));
  }
  return absl::OkStatus();
}

World::~World() {
  if (!uses_mpi_) return;
  {
    const Activity::Scope place({"finalize"});
    communicator_->watchdog().Close();
  }
  process_->SetRecorder(nullptr);
  communicator_.reset();
  Activity::OfThisThread().SetShared(nullptr);
  const ProcessWatch::CollectiveCall call(*process_, "MPI_Finalize");
  MPI_Finalize();
}

}  // namespace octet
