// The CUDA backend on an emulated device, with and without tensor cores.

#include "kernels/cpu/make_cpu_backend.h"
#include "kernels/cuda/cuda_runtime.h"
#include "tests/cuda_emu/emulated_device.h"
#include "tests/kernels/conformance/backend_case.h"

namespace octet {

std::vector<BackendCase> BackendCases() {
  std::vector<BackendCase> cases;
  for (const bool tensor_cores : {true, false}) {
    cases.push_back({.name = tensor_cores ? "cuda" : "cuda_plain",
                     .num_variants = tensor_cores ? static_cast<int>(cuda_emu::kOrders) : 2,
                     .make_backend =
                         [tensor_cores](int seed) {
                           cuda_emu::Emulation::Device().Reset({.seed = uint64_t(seed)});
                           return MakeCudaBackend(0, MakeCpuBackend(SupportedIsas().back(), 1),
                                                  {tensor_cores, tensor_cores, tensor_cores});
                         },
                     .is_slow = true,
                     .attention_tolerance = 2e-5});
    if (!tensor_cores) cases.back().dtypes = {DType::kBF16};
  }
  return cases;
}

}  // namespace octet
