// Doubles in whole numbers beside the CPU's.

// clang-format off
#include "tests/cuda_emu/device_code.h"
#include "kernels/cuda/positive_double.h"
// clang-format on

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace octet::cuda {
namespace {

double ValueOf(const PositiveDouble& x) {
  return std::ldexp(static_cast<double>(x.mantissa), x.exponent);
}

PositiveDouble Of(double x) {
  int exponent = 0;
  const double fraction = std::frexp(x, &exponent);
  return PositiveDouble::From(static_cast<uint64_t>(std::ldexp(fraction, 53)), exponent - 53);
}

// With exponents that are near each other or not, and many zeros and ones at the end.
double Draw(std::mt19937_64& random) {
  uint64_t bits = random() >> 11;
  const uint64_t end = (uint64_t{1} << random() % 53) - 1;
  if (random() % 3 == 0) bits &= ~end;
  if (random() % 3 == 0) bits |= end;
  return std::ldexp(static_cast<double>(bits), -static_cast<int>(random() % 130) - 20);
}

TEST(PositiveDouble, SumsProductsAndOrderAreThoseOfDoubles) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 200000; ++i) {
    const double a = Draw(random);
    const double b = i % 5 == 0 ? a : Draw(random);
    ASSERT_EQ(ValueOf(Of(a)), a);
    ASSERT_EQ(ValueOf(Of(a) + Of(b)), a + b) << a << " + " << b;
    ASSERT_EQ(ValueOf(Of(a) * Of(b)), a * b) << a << " * " << b;
    ASSERT_EQ(Of(a) < Of(b), a < b) << a << " < " << b;
  }
}

TEST(PositiveDouble, AFloatIsItself) {
  for (const float x : {0.0F, 1.0F, 0.3F, 0x1p-149F, 0x1.8p-130F, 0x1.fffffep-127F, 3.5e9F}) {
    EXPECT_EQ(ValueOf(PositiveDouble::From(x)), static_cast<double>(x));
  }
}

}  // namespace
}  // namespace octet::cuda
