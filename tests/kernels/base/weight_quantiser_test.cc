#include "kernels/base/weight_quantiser.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace octet {
namespace {

class WeightQuantiserTest : public testing::TestWithParam<WeightFormat> {
 protected:
  // The weights that a row of `x` becomes.
  std::vector<float> Round(const std::vector<float>& x) const {
    std::vector<std::byte> row(RowBytes(GetParam(), std::ssize(x)));
    QuantiseRow(GetParam(), x, row.data());
    std::vector<float> rounded;
    for (int64_t run = 0; run < std::ssize(x) / kRunSize; ++run) {
      const WeightRun w = UnpackRun(GetParam(), row.data(), run);
      for (int i = 0; i < kRunSize; ++i) rounded.push_back(w.weight(i));
    }
    return rounded;
  }
};

TEST_P(WeightQuantiserTest, IsWithinHalfAStepOfTheRun) {
  std::mt19937 generator(1);
  std::normal_distribution<float> normal;
  // Q4_0 has 15 steps between the extremes, but none for the other sign of the greatest.
  const double steps = GetParam() == WeightFormat::kQ8_0 ? 127 : 8;
  const double slack = GetParam() == WeightFormat::kQ8_0 ? 0.55 : 1.02;
  std::vector<float> x(10 * kRunSize);
  for (const float scale : {1e-3F, 1.0F, 1e3F}) {
    for (float& value : x) value = scale * normal(generator);
    const std::vector<float> rounded = Round(x);
    for (size_t i = 0; i < x.size(); ++i) {
      double greatest = 0;
      for (size_t j = i / kRunSize * kRunSize; j < (i / kRunSize + 1) * kRunSize; ++j) {
        greatest = std::max(greatest, std::abs(double{x[j]}));
      }
      EXPECT_LE(std::abs(rounded[i] - x[i]), slack * greatest / steps) << i;
    }
  }
}

TEST_P(WeightQuantiserTest, WholeNumbersOfTheScaleStay) {
  std::vector<float> x(kRunSize);
  const int most = GetParam() == WeightFormat::kQ8_0 ? 127 : 7;
  for (int i = 0; i < kRunSize; ++i) x[i] = static_cast<float>(i % (2 * most + 1) - most) / 4;
  x[0] = GetParam() == WeightFormat::kQ8_0 ? -127.0F / 4 : -2;
  EXPECT_EQ(Round(x), x);
}

TEST_P(WeightQuantiserTest, ZerosStayAndWhatIsNotFiniteBecomesNan) {
  std::vector<float> x(2 * kRunSize);
  EXPECT_EQ(Round(x), x);
  for (const float bad :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    x[40] = bad;
    const std::vector<float> rounded = Round(x);
    for (size_t i = 0; i < x.size(); ++i) EXPECT_EQ(std::isnan(rounded[i]), i >= 32) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, WeightQuantiserTest,
                         testing::Values(WeightFormat::kQ8_0, WeightFormat::kQ4_0),
                         [](const auto& test) { return std::string(Name(test.param)); });

}  // namespace
}  // namespace octet
