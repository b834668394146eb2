// Rows that are rounded to blocks of 8 bits.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "kernels/base/weight_format.h"
#include "kernels/cpu/cpu_backend.h"
#include "tests/support/cpu_paths.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

constexpr int64_t kCols = 544;  // the last block has one run
constexpr int64_t kRows = 5;

class RoundedRowsTest : public testing::TestWithParam<CpuPath> {
 protected:
  OwnedMatrix Round(const OwnedMatrix& x) {
    OwnedMatrix rounded(kRows, kCols, DType::kInt8Blocks);
    backend_.Convert(x.view(), rounded.view());
    return rounded;
  }

  // By the written definition.
  static std::vector<ActivationBlock> Blocks(const OwnedMatrix& x, int64_t row) {
    const std::span<const float> values(x.view().f32(row), kCols);
    std::vector<ActivationBlock> blocks;
    for (size_t first = 0; first < values.size(); first += kActivationBlock) {
      const auto left = values.subspan(first);
      blocks.push_back(QuantiseBlock(left.first(std::min<size_t>(left.size(), kActivationBlock))));
    }
    return blocks;
  }

  static void ExpectRow(const std::vector<ActivationBlock>& expected, const std::byte* row) {
    EXPECT_EQ(std::memcmp(row, expected.data(), expected.size() * sizeof(ActivationBlock)), 0);
  }

  CpuBackend backend_{*GetParam().kernels, 2};
};

TEST_P(RoundedRowsTest, AreWhatTheDefinitionSays) {
  OwnedMatrix x = OwnedMatrix::Random(kRows, kCols, DType::kF32, 1);
  for (int64_t c = 0; c < kActivationBlock; ++c) x.set(3, c, 0);
  const OwnedMatrix rounded = Round(x);
  ASSERT_EQ(rounded.view().row_bytes(), 3 * sizeof(ActivationBlock));
  for (int64_t r = 0; r < kRows; ++r) ExpectRow(Blocks(x, r), rounded.view().row(r));
}

TEST_P(RoundedRowsTest, BlocksThatAreNotFiniteHaveNanAsTheirScale) {
  OwnedMatrix x = OwnedMatrix::Random(kRows, kCols, DType::kF32, 2);
  x.set(1, 300, -std::numeric_limits<float>::infinity());
  const OwnedMatrix rounded = Round(x);
  const auto* blocks = reinterpret_cast<const ActivationBlock*>(rounded.view().row(1));
  EXPECT_FALSE(std::isnan(blocks[0].scale));
  EXPECT_TRUE(std::isnan(blocks[1].scale));
}

TEST_P(RoundedRowsTest, AreGatheredAsTheyAre) {
  const OwnedMatrix x = OwnedMatrix::Random(kRows, kCols, DType::kF32, 3);
  const OwnedMatrix rounded = Round(x);
  const std::vector<int32_t> rows = {4, 0, 4};
  OwnedMatrix gathered(3, kCols, DType::kInt8Blocks);
  backend_.GatherRows(rounded.view(), rows, gathered.view());
  for (int64_t i = 0; i < 3; ++i) ExpectRow(Blocks(x, rows[i]), gathered.view().row(i));
}

INSTANTIATE_TEST_SUITE_P(Paths, RoundedRowsTest, testing::ValuesIn(CpuPaths()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace octet
