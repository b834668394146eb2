// Products with quantised weights.

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "kernels/base/weight_format.h"
#include "kernels/cpu/cpu_backend.h"
#include "tests/support/cpu_paths.h"
#include "tests/support/quantised_rows.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

struct BlockMatmulCase {
  CpuPath path;
  WeightFormat format;
};

std::vector<BlockMatmulCase> BlockMatmulCases() {
  std::vector<BlockMatmulCase> cases;
  for (const CpuPath& path : CpuPaths()) {
    for (const WeightFormat format : kQuantisedFormats) cases.push_back({path, format});
  }
  return cases;
}

std::string BlockMatmulCaseName(const testing::TestParamInfo<BlockMatmulCase>& test) {
  return std::string(test.param.path.name) + "_" + Name(test.param.format);
}

class BlockMatmulTest : public testing::TestWithParam<BlockMatmulCase> {
 protected:
  OwnedMatrix Multiply(Backend& backend, ConstMatrix x, const QuantisedRows& w) const {
    OwnedMatrix y(x.rows, w.rows());
    backend.Matmul(x, PackAll(backend, w), y.view());
    return y;
  }

  // [inputs] that the format can have.
  std::vector<int64_t> Widths() const {
    if (GeometryOf(format_).weights == kActivationBlock) return {256, 768};
    return {32, 64, 160, 256, 288, 736};
  }

  const WeightFormat format_ = GetParam().format;
  const CpuKernels& kernels_ = *GetParam().path.kernels;
};

TEST_P(BlockMatmulTest, EqualsTheWrittenDefinitionBitForBit) {
  CpuBackend backend(kernels_, 2);
  for (const int64_t inputs : Widths()) {
    for (const int64_t outputs : {1, 16, 35, 300}) {
      const QuantisedRows w = QuantisedRows::Random(format_, outputs, inputs, 1);
      for (const int64_t rows : {1, 2, 5, 7, 13, 17, 25}) {
        const OwnedMatrix x = OwnedMatrix::Random(rows, inputs, DType::kF32, 2);
        const OwnedMatrix y = Multiply(backend, x.view(), w);
        EXPECT_EQ(y.bytes(), ReferenceMatmul(x, w).bytes())
            << rows << " rows, " << inputs << " inputs, " << outputs << " outputs";
      }
    }
  }
}

TEST_P(BlockMatmulTest, Bfloat16RowsAreThoseFloats) {
  CpuBackend backend(kernels_, 1);
  const QuantisedRows w = QuantisedRows::Random(format_, 20, 512, 3);
  const OwnedMatrix x = OwnedMatrix::Random(9, 512, DType::kBF16, 4);
  EXPECT_EQ(Multiply(backend, x.view(), w).bytes(), ReferenceMatmul(x, w).bytes());
}

TEST_P(BlockMatmulTest, CacheSizeAndThreadsChangeNothing) {
  const QuantisedRows w = QuantisedRows::Random(format_, 150, 768, 5);
  const OwnedMatrix x = OwnedMatrix::Random(150, 768, DType::kF32, 6);
  const OwnedMatrix expected = ReferenceMatmul(x, w);
  for (const size_t l2_bytes : {0, 300 << 10, 64 << 20}) {
    for (const int threads : {1, 3}) {
      CpuBackend backend(kernels_, threads, l2_bytes);
      EXPECT_EQ(Multiply(backend, x.view(), w).bytes(), expected.bytes()) << l2_bytes;
    }
  }
}

TEST_P(BlockMatmulTest, RowsThatAreNotFiniteGiveNan) {
  CpuBackend backend(kernels_, 1);
  const QuantisedRows w = QuantisedRows::Random(format_, 17, 512, 7);
  for (const int64_t rows : {3, 20}) {
    OwnedMatrix x = OwnedMatrix::Random(rows, 512, DType::kF32, 8);
    const OwnedMatrix without = Multiply(backend, x.view(), w);
    x.set(1, 300, std::numeric_limits<float>::infinity());
    const OwnedMatrix y = Multiply(backend, x.view(), w);
    for (int64_t n = 0; n < 17; ++n) {
      EXPECT_EQ(y.at(0, n), without.at(0, n));
      EXPECT_TRUE(std::isnan(y.at(1, n)));
      EXPECT_EQ(y.at(2, n), without.at(2, n));
    }
  }
}

TEST_P(BlockMatmulTest, ExtremeNumbersAreExact) {
  CpuBackend backend(kernels_, 1);
  for (const int fill : {0x00, 0xff, 0x7f, 0x80}) {
    const QuantisedRows w = QuantisedRows::Filled(format_, 16, 256, static_cast<std::byte>(fill));
    for (const float sign : {1.0F, -1.0F}) {
      OwnedMatrix x(14, 256);
      for (int64_t row = 0; row < 14; ++row) {
        for (int64_t k = 0; k < 256; ++k) x.set(row, k, row * k % 2 == 0 ? sign : -sign);
      }
      EXPECT_EQ(Multiply(backend, x.view(), w).bytes(), ReferenceMatmul(x, w).bytes()) << fill;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, BlockMatmulTest, testing::ValuesIn(BlockMatmulCases()),
                         BlockMatmulCaseName);

}  // namespace
}  // namespace octet
