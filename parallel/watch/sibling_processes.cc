#include "parallel/watch/sibling_processes.h"

#include <absl/strings/numbers.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

namespace octet {
namespace {

// The variables in which PMIx launchers (mpirun, srun --mpi=pmix) name a job and a rank in it.
constexpr char kJobVariable[] = "PMIX_NAMESPACE";
constexpr char kRankVariable[] = "PMIX_RANK";

std::string Read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// /proc/PID/stat: PID (NAME) STATE ...; a name may hold parentheses itself.
bool IsStopped(const std::string& stat) {
  constexpr size_t kFromNameToState = 2;
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos || name_end + kFromNameToState >= stat.size()) return false;
  const char state = stat[name_end + kFromNameToState];
  return state == 'T' || state == 't';  // by a signal, by a debugger
}

}  // namespace

std::string FindVariable(const std::string& environment, const std::string& name) {
  size_t begin = 0;
  while (begin < environment.size()) {
    const size_t end = std::min(environment.find('\0', begin), environment.size());
    if (environment.compare(begin, name.size() + 1, name + "=") == 0) {
      begin += name.size() + 1;
      return environment.substr(begin, end - begin);
    }
    begin = end + 1;
  }
  return "";
}

std::vector<int> StoppedRanksOfThisHost() {
  std::vector<int> ranks;
  const char* job = std::getenv(kJobVariable);
  if (job == nullptr) return ranks;
  std::error_code error;  // processes come and go meanwhile
  for (std::filesystem::directory_iterator process("/proc", error), end; !error && process != end;
       process.increment(error)) {
    int pid = 0;
    if (!absl::SimpleAtoi(process->path().filename().string(), &pid)) continue;
    if (!IsStopped(Read(process->path() / "stat"))) continue;
    const std::string environment = Read(process->path() / "environ");
    int rank = 0;
    if (FindVariable(environment, kJobVariable) == job &&
        absl::SimpleAtoi(FindVariable(environment, kRankVariable), &rank)) {
      ranks.push_back(rank);
    }
  }
  std::sort(ranks.begin(), ranks.end());
  ranks.erase(std::unique(ranks.begin(), ranks.end()), ranks.end());
  return ranks;
}

}  // namespace octet
