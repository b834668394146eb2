// What the system says of its processors.

#ifndef OCTET_LAUNCH_BENCH_MACHINE_FACTS_H_
#define OCTET_LAUNCH_BENCH_MACHINE_FACTS_H_

#include <string>

#include "proto/machine_profile.pb.h"
#include "runtime/io/file.h"

namespace octet {

// "AMD EPYC 9654 96-Core Processor"; empty where /proc/cpuinfo has none.
std::string CpuModel(FileSystem& files);

// What the system does not tell is 0, but for the L2 cache, for which the kernels' own assumption
// stands.
CacheSizes FindCacheSizes();

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_MACHINE_FACTS_H_
