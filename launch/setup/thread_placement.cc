#include "launch/setup/thread_placement.h"

#include <absl/strings/str_cat.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>

#include "kernels/cpu/numa.h"
#include "parallel/transport/collectives.h"

namespace octet {
namespace {

// The cores that this process may use, and its place among the ranks of its host that may use the
// same ones. A launcher that has bound each rank to cores of its own has divided them already.
struct SharedCores {
  int num_cores;
  int index;  // of this rank
  int num_ranks;

  int threads(int wanted) const { return wanted > 0 ? wanted : std::max(1, num_cores / num_ranks); }
};

// Collective. Finds the cores that this rank shares.
SharedCores FindSharedCores(Communicator& world) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  const bool known = sched_getaffinity(0, sizeof(cores), &cores) == 0;
  const std::string_view mask(reinterpret_cast<const char*>(&cores), sizeof(cores));
  const std::string mine = absl::StrCat(world.hosts()[world.rank()], " ", std::string(mask));
  const std::vector<std::string> all = AllGather(world, {"cores"}, mine);
  const auto me = all.begin() + world.rank();
  return {.num_cores = known ? CPU_COUNT(&cores) : static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN)),
          .index = static_cast<int>(std::count(all.begin(), me, mine)),
          .num_ranks = static_cast<int>(std::count(all.begin(), all.end(), mine))};
}

// Binds threads to NUMA nodes: otherwise the system moves them away from the memory that they use.
void PlaceOnNumaNodes(const SharedCores& cores, int threads, std::vector<std::string>& warnings) {
  const NumaTopology topology;
  if (topology.num_nodes() <= 1) return;
  const NumaShare share = topology.Divide(cores.index, cores.num_ranks);
  if (threads > std::ssize(share.cores)) return;  // more were requested
  if (!topology.Bind(share)) {
    warnings.emplace_back("the system refuses to keep threads and memory on the same NUMA nodes");
  }
}

}  // namespace

std::vector<int> NodesOfThisRank(Communicator& world) {
  const SharedCores cores = FindSharedCores(world);
  return NumaTopology().Divide(cores.index, cores.num_ranks).nodes;
}

int CountThreads(Communicator& world, int wanted) { return FindSharedCores(world).threads(wanted); }

int PlaceThreads(Communicator& world, int wanted, std::vector<std::string>& warnings) {
  const SharedCores cores = FindSharedCores(world);
  const int threads = cores.threads(wanted);
  PlaceOnNumaNodes(cores, threads, warnings);
  return threads;
}

}  // namespace octet
