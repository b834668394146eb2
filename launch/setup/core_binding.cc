#include "launch/setup/core_binding.h"

#include <absl/strings/numbers.h>
#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>
#include <thread>

#include "kernels/base/check.h"
#include "kernels/base/number_range.h"
#include "parallel/transport/collectives.h"

namespace octet {
namespace {

constexpr NumberRange<int> kCoreCounts = {1, CPU_SETSIZE};

// Returns an empty set if the system does not say.
cpu_set_t CoresOf(pid_t process) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  if (sched_getaffinity(process, sizeof(cores), &cores) != 0) CPU_ZERO(&cores);
  return cores;
}

// Returns the cores of the control group. A thread may leave the cores that a launcher bound its
// process to, but not those of its group.
cpu_set_t CoresOfGroup() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  std::thread([&cores] {
    cpu_set_t all;
    CPU_ZERO(&all);
    for (int core = 0; core < CPU_SETSIZE; ++core) CPU_SET(core, &all);
    sched_setaffinity(0, sizeof(all), &all);
    cores = CoresOf(0);
  }).join();
  return cores;
}

// Returns the quota of cpu.max, in whole cores, or CPU_SETSIZE if it is unlimited. The file has
// "QUOTA PERIOD" or "max PERIOD", both in microseconds (the kernel's admin-guide/cgroup-v2).
int CoresOfQuota(FileSystem& files) {
  const absl::StatusOr<std::string> text = files.ReadStream("/sys/fs/cgroup/cpu.max");
  if (!text.ok()) return CPU_SETSIZE;
  const std::vector<std::string> words = absl::StrSplit(*text, absl::ByAnyChar(" \n"));
  double quota = 0;
  double period = 0;
  if (words.size() < 2 || !absl::SimpleAtod(words[0], &quota) ||
      !absl::SimpleAtod(words[1], &period) || !(quota > 0) || !(period > 0)) {
    return CPU_SETSIZE;
  }
  return static_cast<int>(std::clamp(std::ceil(quota / period), 1.0, double{CPU_SETSIZE}));
}

int CoresOfSlurm() {
  const char* text = std::getenv("SLURM_CPUS_ON_NODE");
  return text == nullptr ? CPU_SETSIZE : kCoreCounts.Parse(text).value_or(CPU_SETSIZE);
}

std::string Remedy(const std::string& launcher) {
  return launcher == kSrun ? "give --cpus-per-task, or start with launch/run.sh"
                           : "give --bind-to none, or start with launch/run.sh";
}

std::string Cores(int count) { return absl::StrCat(count, count == 1 ? " core" : " cores"); }

}  // namespace

std::string FindLauncher() {
  if (std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr) return kMpirun;
  return std::getenv("PMIX_RANK") != nullptr ? kSrun : "";
}

std::string NoteOnBinding(std::span<const RankCores> ranks, const std::string& launcher,
                          int wanted_threads) {
  std::map<std::string, int> ranks_of_hosts;
  for (const RankCores& rank : ranks) ++ranks_of_hosts[rank.host];
  const RankCores* first = nullptr;
  std::set<std::string> hosts;
  for (const RankCores& rank : ranks) {
    const bool has_enough = wanted_threads > 0 && wanted_threads <= rank.allowed;
    const int fair = rank.available / ranks_of_hosts[rank.host];
    if (rank.allowed == 0 || has_enough || 2 * rank.allowed > fair) continue;
    if (first == nullptr) first = &rank;
    hosts.insert(rank.host);
  }
  if (first == nullptr) return "";
  const int num_ranks = ranks_of_hosts[first->host];
  const auto others = std::ssize(hosts) - 1;
  return absl::StrCat(
      launcher, " bound ", num_ranks == 1 ? "the rank" : "ranks", " on ", first->host,
      others > 0 ? absl::StrCat(" and ", others, others == 1 ? " other host" : " other hosts") : "",
      " to ", Cores(first->allowed), num_ranks == 1 ? "" : " each", " of the ", first->available,
      " that ", num_ranks == 1 ? "it" : absl::StrCat("its ", num_ranks, " ranks"),
      " could use: ", Remedy(launcher));
}

int CountAvailableCores(FileSystem& files) {
  cpu_set_t cores = CoresOfGroup();
  const cpu_set_t parent = CoresOf(getppid());
  if (CPU_COUNT(&parent) > 0) CPU_AND(&cores, &cores, &parent);
  return std::min({CPU_COUNT(&cores), CoresOfQuota(files), CoresOfSlurm()});
}

void NoteBinding(Communicator& world, int wanted_threads, FileSystem& files,
                 std::vector<std::string>& warnings) {
  const std::string launcher = FindLauncher();
  const cpu_set_t allowed = CoresOf(0);
  const std::vector<std::string> all = AllGather(
      world, {"cores"}, absl::StrCat(CPU_COUNT(&allowed), " ", CountAvailableCores(files)));
  std::vector<RankCores> ranks;
  for (int r = 0; r < world.size(); ++r) {
    const std::vector<std::string> counts = absl::StrSplit(all[r], ' ');
    RankCores& rank = ranks.emplace_back(RankCores{.host = world.hosts()[r]});
    OCTET_CHECK(absl::SimpleAtoi(counts[0], &rank.allowed) &&
                absl::SimpleAtoi(counts[1], &rank.available));
  }
  if (launcher.empty()) return;
  const std::string note = NoteOnBinding(ranks, launcher, wanted_threads);
  if (!note.empty()) warnings.push_back(note);
}

}  // namespace octet
