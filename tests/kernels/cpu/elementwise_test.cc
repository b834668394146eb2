#include <gtest/gtest.h>

#include "kernels/base/backend.h"
#include "kernels/cpu/make_cpu_backend.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

TEST(Elementwise, PathsAgreeBitForBit) {
  const auto x = OwnedMatrix::Random(3, 1000, DType::kF32, 9, 8);
  const std::vector<float> scales = {1, 2, 0.3F};
  std::vector<std::vector<std::byte>> norms;
  std::vector<std::vector<std::byte>> softmaxes;
  for (const Isa isa : SupportedIsas()) {
    const auto backend = MakeCpuBackend(isa, 1);
    OwnedMatrix y(3, 1000);
    backend->RmsNorm(x.view(), std::span(x.view().f32(0), 1000), 1e-6F, y.view());
    norms.push_back(y.bytes());
    backend->Softmax(x.view(), scales, y.view());
    softmaxes.push_back(y.bytes());
    EXPECT_EQ(norms.back(), norms[0]) << Name(isa);
    EXPECT_EQ(softmaxes.back(), softmaxes[0]) << Name(isa);
  }
}

}  // namespace
}  // namespace octet
