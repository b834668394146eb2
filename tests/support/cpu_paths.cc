#include "tests/support/cpu_paths.h"

#include "kernels/cpu/isa.h"
#include "tests/support/tile_model.h"

namespace octet {

std::vector<CpuPath> CpuPaths() {
  std::vector<CpuPath> paths;
  for (const Isa isa : SupportedIsas()) {
    paths.push_back({Name(isa), &KernelsFor(isa), isa == Isa::kAmx});
  }
  paths.push_back({"amx_model", &kTileModelKernels, true});
  return paths;
}

}  // namespace octet
