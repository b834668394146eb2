// The CUDA backend on an emulated device, which up to four ranks share.

#include <cstdlib>

#include "kernels/cpu/make_cpu_backend.h"
#include "kernels/cuda/cuda_runtime.h"
#include "tests/golden/golden_mode.h"

namespace octet {

std::vector<GoldenMode> GoldenModes() {
  std::vector<GoldenMode> modes;
  const char* placements[] = {"contiguous", "round-robin", "random:3"};
  for (const int ranks : {1, 2, 3, 4}) {
    modes.push_back({.name = "cuda",
                     .ranks = ranks,
                     .placement = placements[modes.size() % 3],
                     .make_backend = [] {
                       return MakeCudaBackend(0, MakeCpuBackend(SupportedIsas().back(), 1));
                     }});
  }
  return modes;
}

// On three ranks; all with OCTET_FULL_SWEEP.
std::vector<GoldenMode> AnsweringModes() {
  std::vector<GoldenMode> modes = GoldenModes();
  if (std::getenv("OCTET_FULL_SWEEP") == nullptr) modes = {modes[2]};
  return modes;
}

}  // namespace octet
