#include "runtime/model/rope.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/cpu/make_cpu_backend.h"

namespace octet {
namespace {

Backend& HostBackend() {
  static const std::unique_ptr<Backend> backend = MakeCpuBackend(SupportedIsas().front(), 1);
  return *backend;
}

// Relative error of an angle in float32: the exponent is rounded, then the power, its inverse and
// the product.
double AngleError(double theta, double exponent) {
  return 0x1p-24 * (exponent * std::log(theta) + 3.01);
}

TEST(RopeTest, EqualsDouble) {
  const struct {
    int head_dim;
    double theta;
    int64_t max_positions;
  } cases[] = {{128, 1e6, 4096}, {64, 10000, 2048}, {2, 1e6, 100}, {80, 50000, 1000}, {6, 1, 10}};
  for (const auto& c : cases) {
    const Rope rope(HostBackend(), c.head_dim, c.theta, c.max_positions);
    const int64_t half = c.head_dim / 2;
    ASSERT_EQ(rope.table().cos.rows, c.max_positions);
    ASSERT_EQ(rope.table().cos.cols, half);
    ASSERT_EQ(rope.table().sin.rows, c.max_positions);
    ASSERT_EQ(rope.table().sin.cols, half);
    for (int64_t position = 0; position < c.max_positions; ++position) {
      for (int64_t i = 0; i < half; ++i) {
        const double exponent = 2.0 * static_cast<double>(i) / c.head_dim;
        const double angle = static_cast<double>(position) * std::pow(c.theta, -exponent);
        const double tolerance = 0x1p-24 + AngleError(c.theta, exponent) * angle;
        ASSERT_NEAR(rope.table().cos.f32(position)[i], std::cos(angle), tolerance)
            << position << " " << i;
        ASSERT_NEAR(rope.table().sin.f32(position)[i], std::sin(angle), tolerance)
            << position << " " << i;
      }
    }
  }
}

// What transformers computes in float32: the exact bits of the angle matter at far positions.
TEST(RopeTest, AnglesAreRoundedAsInTransformers) {
  const Rope rope(HostBackend(), 128, 1e6, 32768);
  for (const int64_t position : {1, 777, 32767}) {
    for (int64_t i = 0; i < 64; ++i) {
      const float frequency =
          1.0F / static_cast<float>(std::pow(1e6, static_cast<double>(2 * i) / 128));
      const float angle = static_cast<float>(position) * frequency;
      EXPECT_EQ(rope.table().cos.f32(position)[i], static_cast<float>(std::cos(double{angle})));
      EXPECT_EQ(rope.table().sin.f32(position)[i], static_cast<float>(std::sin(double{angle})));
    }
  }
}

TEST(RopeTest, PositionZeroTurnsNothing) {
  const Rope rope(HostBackend(), 32, 1e6, 1);
  for (int64_t i = 0; i < 16; ++i) {
    EXPECT_EQ(rope.table().cos.f32(0)[i], 1);
    EXPECT_EQ(rope.table().sin.f32(0)[i], 0);
  }
}

// How many positions there are changes none of them.
TEST(RopeTest, ATableIsAPrefixOfALongerOne) {
  const Rope shorter(HostBackend(), 64, 1e4, 10);
  const Rope longer(HostBackend(), 64, 1e4, 3000);
  for (int64_t position = 0; position < 10; ++position) {
    for (int64_t i = 0; i < 32; ++i) {
      EXPECT_EQ(shorter.table().cos.f32(position)[i], longer.table().cos.f32(position)[i]);
      EXPECT_EQ(shorter.table().sin.f32(position)[i], longer.table().sin.f32(position)[i]);
    }
  }
}

}  // namespace
}  // namespace octet
