// The kernels that a test of the CPU backend runs.

#ifndef OCTET_TESTS_SUPPORT_CPU_PATHS_H_
#define OCTET_TESTS_SUPPORT_CPU_PATHS_H_

#include <vector>

#include "kernels/cpu/cpu_kernels.h"

namespace octet {

struct CpuPath {
  const char* name;
  const CpuKernels* kernels;
  bool tiles;  // multiplies bfloat16 as AMX does
};

// Every instruction path that this processor has, and the model of AMX.
std::vector<CpuPath> CpuPaths();

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_CPU_PATHS_H_
