#include "launch/doctor/process_limits.h"

#include <sys/resource.h>

#include <utility>

namespace octet {
namespace {

int64_t OrNone(rlim_t limit) { return limit == RLIM_INFINITY ? -1 : static_cast<int64_t>(limit); }

}  // namespace

std::vector<LimitFacts> ReadProcessLimits() {
  std::vector<LimitFacts> limits;
  for (const auto& [name, resource] : {std::pair<const char*, int>{kOpenFiles, RLIMIT_NOFILE},
                                       {kProcesses, RLIMIT_NPROC},
                                       {kLockedMemory, RLIMIT_MEMLOCK},
                                       {kFileSize, RLIMIT_FSIZE},
                                       {kAddressSpace, RLIMIT_AS},
                                       {kCoreSize, RLIMIT_CORE}}) {
    rlimit limit = {};
    if (getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0) continue;
    LimitFacts& facts = limits.emplace_back();
    facts.set_name(name);
    facts.set_soft(OrNone(limit.rlim_cur));
    facts.set_hard(OrNone(limit.rlim_max));
  }
  return limits;
}

}  // namespace octet
