// Computing on the emulated device, with many orders of its threads.

#ifndef OCTET_TESTS_CUDA_EMU_EMULATED_DEVICE_H_
#define OCTET_TESTS_CUDA_EMU_EMULATED_DEVICE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <vector>

#include "kernels/base/matrix.h"
#include "tests/cuda_emu/device_array.h"
#include "tests/cuda_emu/emulation.h"
#include "tests/support/sanitized.h"

namespace octet::cuda_emu {

inline constexpr uint64_t kSeeds = 8;
inline constexpr uint64_t kOrders = kSanitized ? 2 : kSeeds;  // in which a result is the same

inline std::vector<float> NormalNumbers(int64_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> number;
  std::vector<float> numbers(count);
  for (float& x : numbers) x = number(random);
  return numbers;
}

// An array of float or BF16 as a matrix.
template <class T>
Matrix ViewOf(const DeviceArray<T>& array, int64_t rows, int64_t cols, int64_t stride) {
  const DType dtype = sizeof(T) == sizeof(float) ? DType::kF32 : DType::kBF16;
  return {reinterpret_cast<std::byte*>(array.data()), dtype, rows, cols, stride};
}

// Computes on a device whose orders follow from this seed.
using Compute = std::function<std::vector<float>(const TestStream& stream)>;

inline std::vector<float> ComputeWith(uint64_t seed, const Compute& compute,
                                      const Site& removed = {}) {
  Emulation::Device().Reset({.seed = seed, .removed = removed});
  const TestStream stream;
  return compute(stream);
}

// The result with seed 1. The bits are the same with every other seed, and without one of
// `num_sites` synchronisations they are others with some.
inline std::vector<float> ExpectExact(const Compute& compute, size_t num_sites) {
  std::vector<float> result = ComputeWith(1, compute);
  EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
  const std::vector<Site> sites = Emulation::Device().sites();
  EXPECT_EQ(sites.size(), num_sites);
  for (uint64_t seed = 2; seed <= kOrders; ++seed) {
    EXPECT_EQ(ComputeWith(seed, compute), result) << seed;
  }
  if (kSanitized) return result;  // what follows says nothing of memory
  for (const Site& site : sites) {
    int others = 0;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      others += ComputeWith(seed, compute, site) != result ? 1 : 0;
    }
    EXPECT_GT(others, 0) << site.file << ":" << site.line << " is not needed";
  }
  return result;
}

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_EMULATED_DEVICE_H_
