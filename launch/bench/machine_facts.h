// The system's facts about its processors.

#ifndef OCTET_LAUNCH_BENCH_MACHINE_FACTS_H_
#define OCTET_LAUNCH_BENCH_MACHINE_FACTS_H_

#include <string>

#include "parallel/transport/communicator.h"
#include "proto/machine_profile.pb.h"
#include "runtime/io/file.h"

namespace octet {

// Returns "AMD EPYC 9654 96-Core Processor", or an empty text if /proc/cpuinfo has none.
std::string CpuModel(FileSystem& files);

// Collective. Returns the models of all ranks, each once, with commas between.
std::string CpuModels(Communicator& comm, FileSystem& files);

// Returns the number of different hosts of the ranks.
int CountHosts(const Communicator& comm);

// Returns the cache sizes. An unknown size is 0, except for the L2 cache, which has the kernels'
// own assumption.
CacheSizes FindCacheSizes();

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_MACHINE_FACTS_H_
