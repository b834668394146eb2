// Every instruction path of this processor, and the model of AMX.

#include "kernels/cpu/cpu_backend.h"
#include "tests/kernels/conformance/backend_case.h"
#include "tests/support/cpu_paths.h"
#include "tests/support/sanitized.h"
#include "tests/support/tile_model.h"

namespace octet {

std::vector<BackendCase> BackendCases() {
  std::vector<BackendCase> cases;
  for (const CpuPath& path : CpuPaths()) {
    const auto make = [path](int threads) {
      return std::make_unique<CpuBackend>(*path.kernels, threads);
    };
    cases.push_back(
        {.name = path.name, .num_variants = 3, .make_backend = make, .is_slow = kSanitized});
    if (path.kernels == &kTileModelKernels) cases.back().dtypes = {DType::kBF16};
  }
  return cases;
}

}  // namespace octet
