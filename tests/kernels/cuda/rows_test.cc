// Operations on rows on the emulated device, beside arithmetic in double. Each runs with several
// orders of threads and blocks, and without each of its synchronisations.

#include "kernels/cuda/rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/cuda_emu/emulated_device.h"

namespace octet::cuda {
namespace {

using cuda_emu::ComputeWith;
using cuda_emu::DeviceArray;
using cuda_emu::Emulation;
using cuda_emu::ExpectExact;
using cuda_emu::NormalNumbers;
using cuda_emu::TestStream;
using cuda_emu::ViewOf;
using testing::IsEmpty;

constexpr float kEps = 1e-5F;

// Rows beside which there is room, as in a part of a matrix.
struct Input {
  int64_t rows;
  int64_t cols;
  int64_t stride;
  std::vector<float> values =
      NormalNumbers(rows * stride, static_cast<uint32_t>(100 * rows + cols));

  double operator()(int64_t row, int64_t col) const { return values[row * stride + col]; }
};

const std::vector<std::array<int64_t, 3>> kShapes = {
    {1, 1, 1}, {3, 31, 40}, {2, 256, 256}, {2, 1000, 1001}, {1, 4096, 4096}};

TEST(CudaRows, RmsNorm) {
  for (const auto& [rows, cols, stride] : kShapes) {
    const Input in = {rows, cols, stride};
    const std::vector<float> weight = NormalNumbers(cols, 7);
    const auto compute = [&](const TestStream& stream) {
      const DeviceArray<float> x(in.values, stream), w(weight, stream), y(in.rows * in.cols);
      EXPECT_EQ(RmsNorm(ViewOf(x, in.rows, in.cols, in.stride), w.data(), kEps,
                        ViewOf(y, in.rows, in.cols, in.cols), stream),
                cudaSuccess);
      return y.Read(stream);
    };
    const std::vector<float> y = cols > 32 ? ExpectExact(compute, 1) : ComputeWith(1, compute);
    for (int64_t r = 0; r < rows; ++r) {
      double squares = 0;
      for (int64_t c = 0; c < cols; ++c) squares += in(r, c) * in(r, c);
      const double scale = 1 / std::sqrt(squares / static_cast<double>(cols) + kEps);
      for (int64_t c = 0; c < cols; ++c) {
        EXPECT_NEAR(y[r * cols + c], in(r, c) * scale * weight[c], 1e-5) << cols;
      }
    }
  }
}

// Whatever rows there are beside it.
TEST(CudaRows, ARowAloneHasTheSameBits) {
  const Input in = {3, 777, 777};
  const Input last = {1, 777, 777, {in.values.end() - 777, in.values.end()}};
  const auto softmax = [](const Input& from) {
    return [&from](const TestStream& stream) {
      const DeviceArray<float> x(from.values, stream);
      const Matrix m = ViewOf(x, from.rows, from.cols, from.stride);
      EXPECT_EQ(Softmax(m, nullptr, m, stream), cudaSuccess);  // in place
      return x.Read(stream);
    };
  };
  const std::vector<float> all = ComputeWith(1, softmax(in));
  EXPECT_EQ(ComputeWith(5, softmax(last)), std::vector<float>(all.end() - 777, all.end()));
}

TEST(CudaRows, SoftmaxAndLogSumExp) {
  for (const auto& [rows, cols, stride] : kShapes) {
    const Input in = {rows, cols, stride};
    std::vector<float> scales(rows);
    for (int64_t r = 0; r < rows; ++r) scales[r] = 0.5F + static_cast<float>(r);
    const auto softmax = [&](const TestStream& stream) {
      const DeviceArray<float> x(in.values, stream), s(scales, stream), y(in.rows * in.cols);
      EXPECT_EQ(Softmax(ViewOf(x, in.rows, in.cols, in.stride), s.data(),
                        ViewOf(y, in.rows, in.cols, in.cols), stream),
                cudaSuccess);
      return y.Read(stream);
    };
    const auto log_sum_exp = [&](const TestStream& stream) {
      const DeviceArray<float> x(in.values, stream), result(in.rows);
      EXPECT_EQ(LogSumExp(ViewOf(x, in.rows, in.cols, in.stride), result.data(), stream),
                cudaSuccess);
      return result.Read(stream);
    };
    // One line of the source is a barrier of both folds.
    const std::vector<float> y = cols > 256 ? ExpectExact(softmax, 1) : ComputeWith(1, softmax);
    const std::vector<float> logs =
        cols > 256 ? ExpectExact(log_sum_exp, 1) : ComputeWith(1, log_sum_exp);
    for (int64_t r = 0; r < rows; ++r) {
      double scaled = 0;
      double plain = 0;
      for (int64_t c = 0; c < cols; ++c) {
        scaled += std::exp(in(r, c) * scales[r]);
        plain += std::exp(in(r, c));
      }
      EXPECT_NEAR(logs[r], std::log(plain), 1e-5);
      for (int64_t c = 0; c < cols; ++c) {
        EXPECT_NEAR(y[r * cols + c], std::exp(in(r, c) * scales[r]) / scaled, 1e-6);
      }
    }
  }
}

TEST(CudaRows, SoftmaxOfLargeNumbersIsFinite) {
  const auto compute = [&](const TestStream& stream) {
    const DeviceArray<float> x({3e38F, 3e38F, -3e38F, 0}, stream);
    const Matrix m = ViewOf(x, 1, 4, 4);
    EXPECT_EQ(Softmax(m, nullptr, m, stream), cudaSuccess);
    return x.Read(stream);
  };
  EXPECT_THAT(ComputeWith(1, compute), testing::ElementsAre(0.5F, 0.5F, 0, 0));
}

TEST(CudaRows, Add) {
  const Input x = {3, 300, 301}, y = {3, 300, 300};
  const auto compute = [&](const TestStream& stream) {
    const DeviceArray<float> from(x.values, stream), to(y.values, stream);
    EXPECT_EQ(
        Add(ViewOf(from, x.rows, x.cols, x.stride), ViewOf(to, y.rows, y.cols, y.stride), stream),
        cudaSuccess);
    return to.Read(stream);
  };
  const std::vector<float> sums = ExpectExact(compute, 0);
  for (int64_t i = 0; i < 900; ++i) {
    EXPECT_EQ(sums[i], y.values[i] + x.values[i / 300 * 301 + i % 300]);
  }
}

// From each dtype to each, with the bits of the CPU's conversion.
TEST(CudaRows, GatherRowsConverts) {
  std::vector<float> numbers = NormalNumbers(3 * 300, 3);
  numbers[0] = std::numeric_limits<float>::infinity();
  numbers[1] = std::numeric_limits<float>::quiet_NaN();
  numbers[2] = 1.00390625F;  // half-way between two of bfloat16
  std::vector<BF16> rounded;
  for (const float x : numbers) rounded.push_back(ToBF16(x));
  const std::vector<int32_t> rows = {2, 0, 2, 1};
  Emulation::Device().Reset({.seed = 4});
  const TestStream stream;
  const DeviceArray<float> x(numbers, stream), y(4 * 300);
  const DeviceArray<BF16> x16(rounded, stream), y16(4 * 300);
  const DeviceArray<int32_t> r(rows, stream);
  const auto gather = [&](const auto& from, const auto& to) {
    EXPECT_EQ(GatherRows(ViewOf(from, 3, 300, 300), r.data(), ViewOf(to, 4, 300, 300), stream),
              cudaSuccess);
    return to.Read(stream);
  };
  const std::vector<float> kept = gather(x, y);
  const std::vector<BF16> to_bf16 = gather(x, y16);
  const std::vector<BF16> kept16 = gather(x16, y16);
  const std::vector<float> to_float = gather(x16, y);
  for (int64_t i = 0; i < 4 * 300; ++i) {
    const int64_t at = rows[i / 300] * int64_t{300} + i % 300;
    EXPECT_EQ(std::bit_cast<uint32_t>(kept[i]), std::bit_cast<uint32_t>(numbers[at]));
    EXPECT_EQ(to_bf16[i].bits, rounded[at].bits) << at;
    EXPECT_EQ(kept16[i].bits, rounded[at].bits) << at;
    EXPECT_EQ(std::bit_cast<uint32_t>(to_float[i]), std::bit_cast<uint32_t>(ToFloat(rounded[at])));
  }
  EXPECT_THAT(Emulation::Device().faults(), IsEmpty());
}

TEST(CudaRows, WeightedSum) {
  const Input in = {5, 270, 270};
  const std::vector<int32_t> offsets = {0, 2, 2, 5}, rows = {4, 1, 0, 3, 2}, results = {2, 0, 1};
  const std::vector<float> weights = {0.3F, 0.7F, 0.1F, 0.2F, -1};
  const auto compute = [&](const TestStream& stream) {
    const DeviceArray<float> x(in.values, stream), w(weights, stream), y(3 * 270);
    const DeviceArray<int32_t> o(offsets, stream), r(rows, stream), to(results, stream);
    EXPECT_EQ(WeightedSum(ViewOf(x, 5, 270, 270), {3, o.data(), r.data(), w.data(), to.data()},
                          ViewOf(y, 3, 270, 270), stream),
              cudaSuccess);
    return y.Read(stream);
  };
  const std::vector<float> y = ExpectExact(compute, 0);
  for (int64_t s = 0; s < 3; ++s) {
    for (int64_t c = 0; c < 270; ++c) {
      float sum = -0.0F;
      for (int32_t i = offsets[s]; i < offsets[s + 1]; ++i) {
        const float product = weights[i] * in.values[rows[i] * int64_t{270} + c];
        sum += product;
      }
      EXPECT_EQ(y[results[s] * int64_t{270} + c], sum);
    }
  }
}

TEST(CudaRows, Rope) {
  constexpr int kHeadDim = 32;
  const Input in = {3, 2 * kHeadDim, 2 * kHeadDim};
  const std::vector<int32_t> positions = {5, 0, 2};
  std::vector<float> cos, sin;
  for (int i = 0; i < 6 * kHeadDim / 2; ++i) {
    cos.push_back(std::cos(0.1F * static_cast<float>(i)));
    sin.push_back(std::sin(0.1F * static_cast<float>(i)));
  }
  const auto compute = [&](const TestStream& stream) {
    const DeviceArray<float> x(in.values, stream), c(cos, stream), s(sin, stream);
    const DeviceArray<int32_t> p(positions, stream);
    constexpr int kHalf = kHeadDim / 2;
    EXPECT_EQ(Rope(ViewOf(x, 3, in.cols, in.stride), kHeadDim, p.data(), ViewOf(c, 6, kHalf, kHalf),
                   ViewOf(s, 6, kHalf, kHalf), stream),
              cudaSuccess);
    return x.Read(stream);
  };
  const std::vector<float> y = ExpectExact(compute, 0);
  for (int64_t i = 0; i < std::ssize(y); ++i) {
    const int64_t row = i / in.cols;
    const int64_t j = i % kHeadDim % (kHeadDim / 2);
    const bool is_first = i % kHeadDim < kHeadDim / 2;
    const float other = in.values[is_first ? i + kHeadDim / 2 : i - kHeadDim / 2];
    const int64_t angle = positions[row] * int64_t{kHeadDim / 2} + j;
    const float turned = in.values[i] * cos[angle] + (is_first ? -other : other) * sin[angle];
    EXPECT_NEAR(y[i], turned, 1e-6);
  }
}

TEST(CudaRows, NoRowsAreNoLaunch) {
  EXPECT_EQ(RmsNorm({}, nullptr, kEps, {}, nullptr), cudaSuccess);
  EXPECT_EQ(GatherRows({}, nullptr, {}, nullptr), cudaSuccess);
}

}  // namespace
}  // namespace octet::cuda
