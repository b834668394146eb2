#include "kernels/base/weight_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tests/support/json.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::Each;

// What the file says of a format.
struct Golden {
  std::vector<std::byte> blocks;
  std::vector<float> weights;
};

Golden ReadGolden(WeightFormat format) {
  const auto all = ParseJson(ReadFile(OCTET_SOURCE_DIR "/tests/golden/ggml/blocks.json"));
  Golden golden;
  for (const auto& entry : all) {
    if (entry.at("format") != Name(format)) continue;
    const std::string hex = entry.at("blocks");
    for (size_t i = 0; i < hex.size(); i += 2) {
      golden.blocks.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    for (const uint32_t bits : entry.at("weights")) {
      golden.weights.push_back(std::bit_cast<float>(bits));
    }
  }
  return golden;
}

class WeightFormatTest : public testing::TestWithParam<WeightFormat> {
 protected:
  const Golden golden_ = ReadGolden(GetParam());
};

TEST_P(WeightFormatTest, WeightsAreThoseOfGgml) {
  const BlockGeometry geometry = GeometryOf(GetParam());
  ASSERT_GT(golden_.weights.size(), 0U);
  ASSERT_EQ(golden_.blocks.size() / geometry.bytes, golden_.weights.size() / geometry.weights);
  for (size_t i = 0; i < golden_.weights.size(); ++i) {
    const WeightRun run =
        UnpackRun(GetParam(), golden_.blocks.data(), static_cast<int64_t>(i / kRunSize));
    // A zero may have the other sign, which no sum shows.
    EXPECT_EQ(run.weight(static_cast<int>(i % kRunSize)), golden_.weights[i]) << i;
  }
}

// The product of what the numbers say, in double.
TEST_P(WeightFormatTest, TheDotProductIsThatOfTheNumbers) {
  std::mt19937 generator(3);
  std::normal_distribution<float> normal;
  std::vector<float> x(golden_.weights.size());
  for (float& value : x) value = normal(generator);
  double expected = 0;
  double magnitude = 0;
  for (size_t first = 0; first < x.size(); first += kActivationBlock) {
    const size_t count = std::min<size_t>(kActivationBlock, x.size() - first);
    const ActivationBlock a = QuantiseBlock(std::span(x).subspan(first, count));
    for (size_t i = 0; i < count; ++i) {
      const double product = double{a.scale} * a.q[i] * golden_.weights[first + i];
      expected += product;
      magnitude += std::abs(product);
    }
  }
  EXPECT_NEAR(ReferenceDot(GetParam(), golden_.blocks.data(), x), expected, 1e-6 * magnitude);
}

INSTANTIATE_TEST_SUITE_P(Formats, WeightFormatTest, testing::ValuesIn(kQuantisedFormats),
                         [](const auto& test) { return std::string(Name(test.param)); });

TEST(ActivationBlockTest, IsWithinHalfAStep) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  for (const float scale : {1e-20F, 1.0F, 1e30F}) {
    std::array<float, kActivationBlock> x = {};
    for (float& value : x) value = scale * normal(generator);
    const ActivationBlock block = QuantiseBlock(x);
    int most = 0;
    for (int i = 0; i < kActivationBlock; ++i) {
      EXPECT_LE(std::abs(double{block.scale} * block.q[i] - x[i]), 0.5001 * block.scale);
      most = std::max(most, std::abs(block.q[i]));
    }
    EXPECT_EQ(most, 127);
  }
}

TEST(ActivationBlockTest, TiesGoToEven) {
  const std::array<float, 7> x = {127, 0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -127};
  const ActivationBlock block = QuantiseBlock(x);
  EXPECT_THAT(std::span(block.q).first(7), testing::ElementsAre(127, 0, 2, 2, 0, -2, -127));
  EXPECT_THAT(std::span(block.q).subspan(7), Each(0));
  EXPECT_EQ(block.scale, 1);
}

TEST(ActivationBlockTest, NothingIsZeroAndWhatIsNotFiniteIsNan) {
  std::array<float, kRunSize> x = {};
  EXPECT_EQ(QuantiseBlock(x).scale, 0);
  x[3] = 0x1p-120F;
  EXPECT_EQ(QuantiseBlock(x).scale, 0);
  EXPECT_THAT(QuantiseBlock(x).q, Each(0));
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN()}) {
    x[5] = bad;
    EXPECT_TRUE(std::isnan(QuantiseBlock(x).scale));
    EXPECT_THAT(QuantiseBlock(x).q, Each(0));
  }
}

}  // namespace
}  // namespace octet
