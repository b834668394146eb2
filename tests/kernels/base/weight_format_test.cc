#include "kernels/base/weight_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  for (size_t first = 0; first < x.size(); first += kRunSize) {
    const ActivationRun a = QuantiseRun(std::span(x).subspan(first).first<kRunSize>());
    for (int i = 0; i < kRunSize; ++i) {
      const double product = double{a.scale} * a.q[i] * golden_.weights[first + i];
      expected += product;
      magnitude += std::abs(product);
    }
  }
  EXPECT_NEAR(ReferenceDot(GetParam(), golden_.blocks.data(), x), expected, 1e-6 * magnitude);
}

INSTANTIATE_TEST_SUITE_P(Formats, WeightFormatTest, testing::ValuesIn(kWeightFormats),
                         [](const auto& test) { return std::string(Name(test.param)); });

TEST(ActivationRunTest, IsWithinHalfAStep) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  for (const float scale : {1e-20F, 1.0F, 1e30F}) {
    std::array<float, kRunSize> x = {};
    for (float& value : x) value = scale * normal(generator);
    const ActivationRun run = QuantiseRun(x);
    int32_t sum = 0;
    int most = 0;
    for (int i = 0; i < kRunSize; ++i) {
      EXPECT_LE(std::abs(double{run.scale} * run.q[i] - x[i]), 0.5001 * run.scale);
      sum += run.q[i];
      most = std::max(most, std::abs(run.q[i]));
    }
    EXPECT_EQ(run.sum, sum);
    EXPECT_EQ(most, 127);
  }
}

TEST(ActivationRunTest, TiesGoToEven) {
  std::array<float, kRunSize> x = {127, 0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -127};
  const ActivationRun run = QuantiseRun(x);
  EXPECT_THAT(std::span(run.q).first(7), testing::ElementsAre(127, 0, 2, 2, 0, -2, -127));
  EXPECT_EQ(run.scale, 1);
}

TEST(ActivationRunTest, NothingIsZeroAndWhatIsNotFiniteIsNan) {
  std::array<float, kRunSize> x = {};
  EXPECT_EQ(QuantiseRun(x).scale, 0);
  x[3] = 0x1p-120F;
  EXPECT_EQ(QuantiseRun(x).scale, 0);
  EXPECT_THAT(QuantiseRun(x).q, Each(0));
  for (const float bad :
       {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::quiet_NaN()}) {
    x[5] = bad;
    EXPECT_TRUE(std::isnan(QuantiseRun(x).scale));
    EXPECT_THAT(QuantiseRun(x).q, Each(0));
  }
}

}  // namespace
}  // namespace octet
