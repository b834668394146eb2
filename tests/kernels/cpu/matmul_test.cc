#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include "kernels/cpu/cpu_backend.h"
#include "tests/support/cpu_paths.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

struct MatmulCase {
  CpuPath path;
  DType dtype;
  int threads;
};

std::vector<MatmulCase> MatmulCases() {
  std::vector<MatmulCase> cases;
  for (const CpuPath& path : CpuPaths()) {
    for (const DType dtype : {DType::kF32, DType::kBF16}) {
      for (const int threads : {1, 3}) cases.push_back({path, dtype, threads});
    }
  }
  return cases;
}

class MatmulTest : public testing::TestWithParam<MatmulCase> {
 protected:
  OwnedMatrix Expected(const OwnedMatrix& x, const OwnedMatrix& w) const {
    const bool tiles = GetParam().path.tiles && dtype_ == DType::kBF16;
    return tiles ? ReferenceTileMatmul(x, w) : ReferenceMatmul(x, w);
  }

  const DType dtype_ = GetParam().dtype;
  const CpuKernels& kernels_ = *GetParam().path.kernels;
  std::unique_ptr<Backend> backend_ = std::make_unique<CpuBackend>(kernels_, GetParam().threads);
};

TEST_P(MatmulTest, EqualsTheWrittenDefinitionBitForBit) {
  struct Shape {
    int64_t rows, inputs, outputs;
  };
  for (const auto [rows, inputs, outputs] : {Shape{13, 1, 1},
                                             {13, 2, 16},
                                             {13, 7, 17},
                                             {13, 31, 47},
                                             {13, 32, 48},
                                             {13, 33, 65},
                                             {13, 80, 72},
                                             {13, 511, 33},
                                             {13, 512, 5},
                                             {13, 513, 130},
                                             {13, 1100, 211},
                                             {70, 545, 43}}) {
    const auto x = OwnedMatrix::Random(rows, inputs, dtype_, 1);
    const auto w = OwnedMatrix::Random(outputs, inputs, dtype_, 2);
    OwnedMatrix y(rows, outputs);
    backend_->Matmul(x.view(), PackAll(*backend_, w, dtype_), y.view());
    EXPECT_EQ(y.bytes(), Expected(x, w).bytes()) << inputs << " to " << outputs;
  }
}

// Products and sums near the least normal number.
TEST_P(MatmulTest, DenormalsAreZero) {
  const auto x = OwnedMatrix::Random(20, 600, dtype_, 8, 1.5e-19F);
  const auto w = OwnedMatrix::Random(40, 600, dtype_, 9, 1.5e-19F);
  OwnedMatrix y(20, 40);
  backend_->Matmul(x.view(), PackAll(*backend_, w, dtype_), y.view());
  EXPECT_EQ(y.bytes(), Expected(x, w).bytes());
}

// A copy that ends where memory ends.
PackedMatrix AtTheEndOfMemory(const PackedMatrix& w) {
  static const size_t page = sysconf(_SC_PAGESIZE);
  const size_t bytes = w.buffer.bytes();
  const size_t mapped = (bytes + page - 1) / page * page;
  auto* start = static_cast<std::byte*>(
      mmap(nullptr, mapped + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  EXPECT_EQ(mprotect(start + mapped, page, PROT_NONE), 0);
  std::memcpy(start + mapped - bytes, w.buffer.data(), bytes);
  const auto unmap = [](std::byte* data, size_t size) {
    munmap(data - (page - size % page) % page, (size + page - 1) / page * page + page);
  };
  return {.buffer = {start + mapped - bytes, bytes, unmap},
          .format = w.format,
          .rows = w.rows,
          .cols = w.cols};
}

TEST_P(MatmulTest, ReadsNothingBehindTheWeight) {
  for (const int64_t inputs : {1, 17, 33, 530}) {
    const auto x = OwnedMatrix::Random(20, inputs, dtype_, 12);
    const auto w = OwnedMatrix::Random(33, inputs, dtype_, 13);
    OwnedMatrix y(20, 33);
    backend_->Matmul(x.view(), AtTheEndOfMemory(PackAll(*backend_, w, dtype_)), y.view());
    EXPECT_EQ(y.bytes(), Expected(x, w).bytes()) << inputs;
  }
}

TEST_P(MatmulTest, CacheSizeChangesNothing) {
  const auto x = OwnedMatrix::Random(300, 1030, dtype_, 10);
  const auto w = OwnedMatrix::Random(150, 1030, dtype_, 11);
  OwnedMatrix expected(300, 150);
  backend_->Matmul(x.view(), PackAll(*backend_, w, dtype_), expected.view());
  for (const size_t l2_bytes : {0, 300 << 10, 64 << 20}) {
    CpuBackend backend(kernels_, GetParam().threads, l2_bytes);
    OwnedMatrix y(300, 150);
    backend.Matmul(x.view(), PackAll(backend, w, dtype_), y.view());
    EXPECT_EQ(y.bytes(), expected.bytes()) << l2_bytes;
  }
}

std::string MatmulCaseName(const testing::TestParamInfo<MatmulCase>& test) {
  return std::string(test.param.path.name) + "_" + Name(test.param.dtype) + "_" +
         std::to_string(test.param.threads) + "threads";
}

INSTANTIATE_TEST_SUITE_P(AllPaths, MatmulTest, testing::ValuesIn(MatmulCases()), MatmulCaseName);

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
