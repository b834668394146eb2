#include "runtime/model/arithmetic_probe.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <span>

#include "kernels/cpu/cpu_backend.h"
#include "tests/support/cpu_paths.h"

namespace octet {
namespace {

uint64_t FingerprintOf(const CpuKernels& kernels, DType dtype, int threads = 1,
                       std::span<const WeightFormat> quantised = {}) {
  CpuBackend backend(kernels, threads);
  return FingerprintArithmetic(backend, dtype, quantised);
}

TEST(ArithmeticProbe, DependsOnTheClassAlone) {
  for (const CpuPath& path : CpuPaths()) {
    const uint64_t float32 = FingerprintOf(*path.kernels, DType::kF32);
    EXPECT_EQ(FingerprintOf(*path.kernels, DType::kF32, 3), float32) << path.name;
    const uint64_t bfloat16 = FingerprintOf(*path.kernels, DType::kBF16);
    EXPECT_EQ(FingerprintOf(*path.kernels, DType::kBF16, 2), bfloat16) << path.name;
    EXPECT_NE(bfloat16, float32) << path.name;
  }
}

TEST(ArithmeticProbe, DependsOnQuantisedFormatsButNotOnThePath) {
  const auto fingerprint_of = [](const CpuPath& path, WeightFormat format) {
    return FingerprintOf(*path.kernels, DType::kF32, 1, {&format, 1});
  };
  std::set<uint64_t> all = {FingerprintOf(*CpuPaths().front().kernels, DType::kF32)};
  for (const WeightFormat format : kQuantisedFormats) {
    const uint64_t expected = fingerprint_of(CpuPaths().front(), format);
    EXPECT_TRUE(all.insert(expected).second) << Name(format);
    for (const CpuPath& path : CpuPaths()) {
      EXPECT_EQ(fingerprint_of(path, format), expected) << path.name << " " << Name(format);
    }
  }
}

// The kernels of a machine that rounds one kind of result otherwise.
const CpuKernels* honest = nullptr;

float Nudged(float x) { return std::nextafter(x, std::numeric_limits<float>::infinity()); }

TEST(ArithmeticProbe, SeesOneRoundingOfAnyKernel) {
  honest = CpuPaths().front().kernels;
  const uint64_t expected = FingerprintOf(*honest, DType::kF32);
  const auto differs = [&](auto change) {
    CpuKernels other = *honest;
    change(other);
    return FingerprintOf(other, DType::kF32) != expected;
  };
  EXPECT_FALSE(differs([](CpuKernels&) {}));
  EXPECT_TRUE(differs([](CpuKernels& k) {
    k.matmul = [](const MatmulArgs& args) {
      honest->matmul(args);
      args.y[0] = Nudged(args.y[0]);
    };
  }));
  EXPECT_TRUE(differs([](CpuKernels& k) {
    k.attention = [](const AttentionTile& tile) {
      honest->attention(tile);
      float& last = tile.out[(tile.first_row + tile.num_rows - 1) / tile.group * tile.out_stride];
      last = Nudged(last);
    };
  }));
  EXPECT_TRUE(differs([](CpuKernels& k) {
    k.rms_norm = [](const float* x, const float* weight, float eps, int64_t cols, float* y) {
      honest->rms_norm(x, weight, eps, cols, y);
      y[cols - 1] = Nudged(y[cols - 1]);
    };
  }));
  EXPECT_TRUE(differs([](CpuKernels& k) {
    k.exp_row = [](const float* x, float max, float scale, int64_t cols, float* y) {
      const float sum = honest->exp_row(x, max, scale, cols, y);
      if (y != nullptr) y[cols / 2] = Nudged(y[cols / 2]);
      return sum;
    };
  }));
}

}  // namespace
}  // namespace octet
