// The CUDA backend on the first CUDA device of this machine, with and without tensor cores. Without
// a device the program ends with exit code 77.

#include <gtest/gtest.h>

#include <cstdio>

#include "kernels/cpu/make_cpu_backend.h"
#include "kernels/cuda/cuda_runtime.h"
#include "tests/kernels/conformance/backend_case.h"

namespace octet {

std::vector<BackendCase> BackendCases() {
  std::vector<BackendCase> cases;
  for (const bool tensor_cores : {true, false}) {
    cases.push_back({.name = tensor_cores ? "cuda" : "cuda_plain",
                     .num_variants = 4,
                     .make_backend =
                         [tensor_cores](int) {
                           return MakeCudaBackend(0, MakeCpuBackend(SupportedIsas().back(), 1),
                                                  {tensor_cores, tensor_cores, tensor_cores});
                         },
                     .attention_tolerance = 2e-5});
    if (!tensor_cores) cases.back().dtypes = {DType::kBF16};
  }
  return cases;
}

}  // namespace octet

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const auto devices = octet::FindCudaDevices();
  if (!devices.ok()) {
    constexpr int kSkipped = 77;
    std::printf("no CUDA device: %s\n", std::string(devices.status().message()).c_str());
    return kSkipped;
  }
  std::printf("on %s, %s\n", (*devices)[0].name.c_str(), octet::DescribeCuda().c_str());
  return RUN_ALL_TESTS();
}
