#include "kernels/base/finite.h"

#include <gtest/gtest.h>

#include <limits>
#include <vector>

namespace octet {
namespace {

TEST(Finite, GreatestMagnitude) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const auto of = [](std::vector<float> values) { return GreatestMagnitude(values); };
  EXPECT_EQ(of({}), 0U);
  EXPECT_EQ(of({0, -0.0F}), 0U);
  EXPECT_EQ(of({1, -3, 2}), std::bit_cast<uint32_t>(3.0F));
  EXPECT_EQ(of({1, -kInf, 2}), kInfiniteBits);
  for (int at = 0; at < 70; ++at) {
    for (const float value : {kInf, -kInf, std::numeric_limits<float>::quiet_NaN(),
                              -std::numeric_limits<float>::signaling_NaN()}) {
      std::vector<float> values(70, std::numeric_limits<float>::lowest());
      EXPECT_TRUE(AllFinite(values));
      values[at] = value;
      EXPECT_FALSE(AllFinite(values)) << at;
    }
  }
  EXPECT_EQ(GreatestMagnitude(std::vector<uint16_t>{0x3f80, 0xc040, 0}), 0x40400000U);
  EXPECT_GT(GreatestMagnitude(std::vector<uint16_t>{0x7f80, 0xff81}), kInfiniteBits);
}

}  // namespace
}  // namespace octet
