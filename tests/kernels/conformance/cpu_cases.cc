// Every instruction path of this processor, and the model of AMX.

#include "kernels/cpu/cpu_backend.h"
#include "tests/kernels/conformance/backend_case.h"
#include "tests/support/cpu_paths.h"

namespace octet {

std::vector<BackendCase> BackendCases() {
  std::vector<BackendCase> cases;
  for (const CpuPath& path : CpuPaths()) {
    cases.push_back({.name = path.name, .num_variants = 3, .make_backend = [path](int threads) {
                       return std::make_unique<CpuBackend>(*path.kernels, threads);
                     }});
  }
  return cases;
}

}  // namespace octet
