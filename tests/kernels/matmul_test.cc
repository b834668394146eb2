#include <gtest/gtest.h>

#include <cstring>

#include "kernels/backend.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

struct Case {
  Isa isa;
  DType dtype;
  int threads;
};

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const Isa isa : SupportedIsas()) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      for (const int threads : {1, 3}) cases.push_back({isa, dtype, threads});
    }
  }
  return cases;
}

class MatmulTest : public testing::TestWithParam<Case> {
 protected:
  const DType dtype_ = GetParam().dtype;
  std::unique_ptr<Backend> backend_ = MakeCpuBackend(GetParam().isa, GetParam().threads);
};

TEST_P(MatmulTest, EqualsTheWrittenDefinitionBitForBit) {
  struct Shape {
    int64_t inputs, outputs;
  };
  for (const auto [inputs, outputs] :
       {Shape{1, 1}, {2, 16}, {7, 17}, {80, 72}, {511, 33}, {512, 5}, {513, 130}, {1100, 211}}) {
    const auto x = OwnedMatrix::Random(13, inputs, dtype_, 1);
    const auto w = OwnedMatrix::Random(outputs, inputs, dtype_, 2);
    OwnedMatrix y(13, outputs);
    backend_->Matmul(x.view(), PackAll(*backend_, w, dtype_), y.view());
    EXPECT_EQ(y.bytes(), ReferenceMatmul(x, w).bytes()) << inputs << " to " << outputs;
  }
}

TEST_P(MatmulTest, RowDoesNotDependOnOtherRows) {
  constexpr int64_t kInputs = 1030;
  constexpr int64_t kOutputs = 150;
  const auto x = OwnedMatrix::Random(600, kInputs, dtype_, 3);
  const PackedMatrix w =
      PackAll(*backend_, OwnedMatrix::Random(kOutputs, kInputs, dtype_, 4), dtype_);
  OwnedMatrix all(600, kOutputs);
  backend_->Matmul(x.view(), w, all.view());
  for (const int64_t rows : {1, 2, 3, 5, 8, 15, 16, 17, 64, 257, 513}) {
    const int64_t first = 600 - rows;
    OwnedMatrix some(rows, kOutputs);
    backend_->Matmul(x.view().Rows(first, rows), w, some.view());
    EXPECT_EQ(std::memcmp(some.bytes().data(), all.view().row(first), some.bytes().size()), 0)
        << rows << " rows";
  }
}

TEST_P(MatmulTest, AnyStoredTypePacksToTheSameWeight) {
  const auto stored = OwnedMatrix::Random(40, 50, DType::kBF16, 5);
  OwnedMatrix widened(40, 50, DType::kF32);
  for (int64_t r = 0; r < 40; ++r) {
    for (int64_t c = 0; c < 50; ++c) widened.set(r, c, stored.at(r, c));
  }
  const PackedMatrix a = PackAll(*backend_, stored, dtype_);
  const PackedMatrix b = PackAll(*backend_, widened, dtype_);
  ASSERT_EQ(a.buffer.bytes(), b.buffer.bytes());
  EXPECT_EQ(std::memcmp(a.buffer.data(), b.buffer.data(), a.buffer.bytes()), 0);
}

std::string CaseName(const testing::TestParamInfo<Case>& test) {
  return std::string(Name(test.param.isa)) + "_" + Name(test.param.dtype) + "_" +
         std::to_string(test.param.threads) + "threads";
}

INSTANTIATE_TEST_SUITE_P(AllPaths, MatmulTest, testing::ValuesIn(Cases()), CaseName);

TEST(Half, ConvertsEveryFiniteValue) {
  EXPECT_EQ(HalfToFloat(0x3c00), 1.0F);
  EXPECT_EQ(HalfToFloat(0xc000), -2.0F);
  EXPECT_EQ(HalfToFloat(0x0001), 0x1p-24F);
  EXPECT_EQ(HalfToFloat(0x83ff), -1023 * 0x1p-24F);
  EXPECT_EQ(HalfToFloat(0x7bff), 65504.0F);
  EXPECT_TRUE(std::isinf(HalfToFloat(0x7c00)));
  EXPECT_TRUE(std::isnan(HalfToFloat(0x7e00)));
  // The other way round, by the processor's own conversion.
  for (uint32_t half = 0; half < 0x7c00; ++half) {
    const float value = HalfToFloat(static_cast<uint16_t>(half));
    const float exact = half < 0x400 ? static_cast<float>(half) * 0x1p-24F
                                     : std::ldexp(static_cast<float>((half & 0x3ff) + 1024),
                                                  static_cast<int>(half >> 10) - 25);
    ASSERT_EQ(value, exact) << half;
  }
}

TEST(Bf16, RoundsToNearestEven) {
  EXPECT_EQ(ToBF16(1.0F).bits, 0x3f80);
  EXPECT_EQ(ToBF16(1.0F + 0x1p-8F).bits, 0x3f80);  // a tie goes to the even one
  EXPECT_EQ(ToBF16(1.0F + 3 * 0x1p-8F).bits, 0x3f82);
  EXPECT_EQ(ToBF16(1.0F + 0x1p-8F + 0x1p-20F).bits, 0x3f81);
  EXPECT_EQ(ToBF16(-std::numeric_limits<float>::infinity()).bits, 0xff80);
  EXPECT_TRUE(std::isnan(ToFloat(ToBF16(std::bit_cast<float>(0x7f800001U)))));
}

}  // namespace
}  // namespace octet
