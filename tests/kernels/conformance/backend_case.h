// The backends that the conformance tests run on: each program that has these tests says it for
// itself.

#ifndef OCTET_TESTS_KERNELS_CONFORMANCE_BACKEND_CASE_H_
#define OCTET_TESTS_KERNELS_CONFORMANCE_BACKEND_CASE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernels/base/backend.h"
#include "tests/support/host_called_backend.h"

namespace octet {

// An arithmetic in some variants that have the same bits: the number of threads of a CPU path, or
// an order in which an emulated device computes.
struct BackendCase {
  std::string name;
  int num_variants = 1;
  std::function<std::unique_ptr<Backend>(int variant)> make_backend;  // 1 <= variant
  bool is_slow = false;                                               // then shapes are smaller
  double attention_tolerance = 2e-6;                                  // of results near 1
  std::vector<DType> dtypes = {DType::kF32, DType::kBF16};  // for which it is not another case
  DType dtype = DType::kF32;                                // of weights, and of the KV cache

  // One that is called with memory of the host.
  std::unique_ptr<Backend> Make(int variant = 1) const {
    std::unique_ptr<Backend> backend = make_backend(variant);
    if (backend->is_on_host()) return backend;
    return std::make_unique<HostCalledBackend>(std::move(backend));
  }

  // What takes long on a slow device.
  int64_t Pick(int64_t usual, int64_t slow) const { return is_slow ? slow : usual; }
};

std::vector<BackendCase> BackendCases();

inline std::vector<BackendCase> CasesOfBothDTypes() {
  std::vector<BackendCase> cases;
  for (BackendCase c : BackendCases()) {
    for (const DType dtype : c.dtypes) {
      c.dtype = dtype;
      cases.push_back(c);
    }
  }
  return cases;
}

// For operations on float32 alone.
inline std::vector<BackendCase> CasesOfFloat32() {
  std::vector<BackendCase> cases = CasesOfBothDTypes();
  std::erase_if(cases, [](const BackendCase& c) { return c.dtype != DType::kF32; });
  return cases;
}

class BackendTest : public testing::TestWithParam<BackendCase> {
 protected:
  const BackendCase& case_ = GetParam();
  const DType dtype_ = case_.dtype;
  const std::unique_ptr<Backend> backend_ = case_.Make();
};

}  // namespace octet

// Runs a suite on each backend, or on each with both dtypes.
#define OCTET_ON_EACH_BACKEND(Suite)                                                       \
  INSTANTIATE_TEST_SUITE_P(AllBackends, Suite, testing::ValuesIn(octet::CasesOfFloat32()), \
                           [](const auto& test) { return test.param.name; })
#define OCTET_ON_EACH_BACKEND_AND_DTYPE(Suite)                           \
  INSTANTIATE_TEST_SUITE_P(                                              \
      AllBackends, Suite, testing::ValuesIn(octet::CasesOfBothDTypes()), \
      [](const auto& test) { return test.param.name + "_" + octet::Name(test.param.dtype); })

#endif  // OCTET_TESTS_KERNELS_CONFORMANCE_BACKEND_CASE_H_
