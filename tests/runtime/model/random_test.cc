#include "runtime/model/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

namespace octet {
namespace {

using Counter = std::array<uint32_t, 4>;
using Key = std::array<uint32_t, 2>;

// Source: Random123, tests/kat_vectors, philox4x32 with 10 rounds.
TEST(PhiloxTest, KnownAnswers) {
  EXPECT_EQ(Philox({0, 0, 0, 0}, {0, 0}),
            (Counter{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  constexpr uint32_t kOnes = 0xffffffff;
  EXPECT_EQ(Philox({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}),
            (Counter{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(Philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
            (Counter{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(PhiloxTest, IsAConstant) {
  static_assert(Philox(Counter{}, Key{})[0] == 0x6627e8d5);
  static_assert(Uniform({.seed = 0, .line = 0, .choice = 0, .position = 0}) < 1);
}

// The written definition: which words of counter and key are what, and which 53 bits are used.
TEST(UniformTest, IsTheFirst53Bits) {
  const SampleKey key = {.seed = int64_t{0x299f31d0} << 32 | 0xa4093822,
                         .line = int64_t{0x03707344} << 32 | 0x13198a2e,
                         .choice = std::bit_cast<int32_t>(0x85a308d3),
                         .position = 0x243f6a88};
  EXPECT_EQ(Uniform(key), std::ldexp(static_cast<double>(0xd16cfe0994fdccebU >> 11), -53));
  EXPECT_EQ(Uniform({.seed = -1, .line = -1, .choice = -1, .position = -1}),
            std::ldexp(static_cast<double>(0x408f276d41c83b0eU >> 11), -53));
}

TEST(UniformTest, StaysBelowOneAndSpreads) {
  constexpr int kDraws = 100000;
  constexpr int kBins = 64;
  int64_t counts[kBins] = {};
  double sum = 0;
  for (int position = 0; position < kDraws; ++position) {
    const double u = Uniform({.seed = 1, .line = 2, .choice = 3, .position = position});
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    ++counts[static_cast<int>(u * kBins)];
  }
  EXPECT_NEAR(sum / kDraws, 0.5, 5 / std::sqrt(12.0 * kDraws));
  double chi_square = 0;
  constexpr double kExpected = static_cast<double>(kDraws) / kBins;
  for (const int64_t count : counts) {
    chi_square += (count - kExpected) * (count - kExpected) / kExpected;
  }
  EXPECT_LT(chi_square, 120);  // 63 degrees of freedom: 1 in 50,000 is above
}

TEST(UniformTest, EveryPartOfTheKeyCounts) {
  constexpr auto kMost = std::numeric_limits<int64_t>::max();
  std::set<double> seen;
  const int64_t wide[] = {0, 1, -1, int64_t{1} << 32, kMost};
  const int32_t narrow[] = {0, 1, -1, 1 << 20};
  for (const int64_t seed : wide) {
    for (const int64_t line : wide) {
      for (const int32_t choice : narrow) {
        for (const int32_t position : narrow) {
          const SampleKey key = {seed, line, choice, position};
          EXPECT_EQ(Uniform(key), Uniform(key));
          EXPECT_TRUE(seen.insert(Uniform(key)).second)
              << seed << " " << line << " " << choice << " " << position;
        }
      }
    }
  }
}

}  // namespace
}  // namespace octet
