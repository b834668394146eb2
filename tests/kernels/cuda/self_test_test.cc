#include "kernels/cuda/self_test.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cuda_emu/emulated_device.h"

namespace octet::cuda {
namespace {

using cuda_emu::Emulation;
using cuda_emu::Site;

TensorCoreUse TestWithout(const Site& removed, uint64_t seed) {
  Emulation::Device().Reset({.seed = seed, .removed = removed});
  return TestTensorCores(0);
}

TEST(SelfTest, KernelsThatAgreeAreUsed) {
  const TensorCoreUse use = TestWithout({}, 1);
  EXPECT_TRUE(use.products && use.experts && use.attention);
  EXPECT_EQ(use.Describe(), "");
  EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
}

// A kernel is wrong without one of its barriers, with some order of its threads.
TEST(SelfTest, KernelsThatDifferAreNotUsed) {
  (void)TestWithout({}, 1);
  TensorCoreUse all;
  for (const Site& site : std::vector(Emulation::Device().sites())) {
    for (uint64_t seed = 1; seed <= (kSanitized ? 1 : 2); ++seed) {
      const TensorCoreUse use = TestWithout(site, seed);
      all.products &= use.products;
      all.experts &= use.experts;
      all.attention &= use.attention;
    }
  }
  EXPECT_EQ(all.Describe(), " without tensor cores: products experts attention");
}

}  // namespace
}  // namespace octet::cuda
