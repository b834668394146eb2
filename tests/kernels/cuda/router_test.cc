#include "kernels/cuda/router.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tests/cuda_emu/emulated_device.h"

namespace octet::cuda {
namespace {

using cuda_emu::ComputeWith;
using cuda_emu::DeviceArray;
using cuda_emu::ExpectExact;
using cuda_emu::NormalNumbers;
using cuda_emu::TestStream;
using cuda_emu::ViewOf;
using testing::ElementsAre;

// The experts of all tokens, then their weights.
cuda_emu::Compute RouteOf(const std::vector<float>& logits, int64_t experts, int topk) {
  return [=](const TestStream& stream) {
    const int64_t tokens = std::ssize(logits) / experts;
    const DeviceArray<float> x(logits, stream), weights(tokens * topk);
    const DeviceArray<int32_t> idx(tokens * topk);
    EXPECT_EQ(Route(ViewOf(x, tokens, experts, experts), topk, idx.data(), weights.data(), stream),
              cudaSuccess);
    std::vector<float> result;
    for (const int32_t expert : idx.Read(stream)) result.push_back(static_cast<float>(expert));
    for (const float weight : weights.Read(stream)) result.push_back(weight);
    return result;
  };
}

TEST(CudaRouter, TakesTheBestAndTheirShares) {
  for (const auto& [experts, topk] : {std::pair{8, 2}, {1, 1}, {64, 8}, {100, 3}, {128, 128}}) {
    constexpr int64_t kTokens = 5;
    const std::vector<float> logits = NormalNumbers(kTokens * experts, 11);
    const std::vector<float> result = ExpectExact(RouteOf(logits, experts, topk), 0);
    for (int64_t t = 0; t < kTokens; ++t) {
      const float* row = &logits[t * experts];
      std::vector<int> order(experts);
      std::iota(order.begin(), order.end(), 0);
      std::ranges::stable_sort(order, [row](int a, int b) { return row[a] > row[b]; });
      double sum = 0;
      for (int s = 0; s < topk; ++s) sum += std::exp(row[order[s]]);
      for (int s = 0; s < topk; ++s) {
        EXPECT_EQ(result[t * topk + s], order[s]) << experts;
        EXPECT_NEAR(result[(kTokens + t) * topk + s], std::exp(row[order[s]]) / sum, 1e-6);
      }
    }
  }
}

TEST(CudaRouter, EqualOnesGoToTheLowestExpert) {
  const std::vector<float> logits = {1, 3, 3, 1, 3, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2};
  EXPECT_THAT(ComputeWith(2, RouteOf(logits, 8, 2)),
              ElementsAre(1, 2, 0, 1, 0.5F, 0.5F, 0.5F, 0.5F));
}

TEST(CudaRouter, WhatIsNotFiniteGoesToTheFirstExperts) {
  constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
  for (const float wrong : {kNan, std::numeric_limits<float>::infinity()}) {
    const std::vector<float> result = ComputeWith(1, RouteOf({0, 1, wrong, 5, 2, 3, 4, 1}, 8, 2));
    EXPECT_EQ(result[0], 0);
    EXPECT_EQ(result[1], 1);
    EXPECT_TRUE(std::isnan(result[2]) && std::isnan(result[3]));
  }
}

}  // namespace
}  // namespace octet::cuda
