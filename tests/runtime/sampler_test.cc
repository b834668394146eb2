#include "runtime/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tests/support/reference.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

OwnedMatrix Rows(const std::vector<std::vector<float>>& rows) {
  OwnedMatrix matrix(std::ssize(rows), std::ssize(rows[0]));
  for (int64_t r = 0; r < std::ssize(rows); ++r) {
    for (int64_t c = 0; c < std::ssize(rows[r]); ++c) matrix.set(r, c, rows[r][c]);
  }
  return matrix;
}

// [cols], in double.
std::vector<double> SoftmaxOf(const OwnedMatrix& logits, int64_t row, double temperature) {
  std::vector<double> p(logits.view().cols);
  double max = logits.at(row, 0);
  for (size_t i = 0; i < p.size(); ++i) max = std::max<double>(max, logits.at(row, i));
  for (size_t i = 0; i < p.size(); ++i) p[i] = std::exp((logits.at(row, i) - max) / temperature);
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= sum;
  return p;
}

class SamplerTest : public testing::TestWithParam<Isa> {
 protected:
  // For the first row.
  Sample DrawOne(const OwnedMatrix& logits, const SampleRequest& request) {
    return sampler_.Draw(logits.view().Rows(0, 1), {request})[0];
  }
  int32_t Greedy(const std::vector<float>& logits) {
    return DrawOne(Rows({logits}), {.temperature = 0}).token;
  }

  std::unique_ptr<Backend> backend_ = MakeCpuBackend(GetParam(), 1);
  Workspace workspace_{[this](size_t bytes) { return backend_->Allocate(bytes); }};
  PhaseClock clock_;
  ExecutionContext context_{*backend_, workspace_, clock_, DType::kF32};
  Sampler sampler_{context_};
};

TEST_P(SamplerTest, GreedyTakesTheLowestOfTheBest) {
  EXPECT_EQ(Greedy({3}), 0);
  EXPECT_EQ(Greedy({1, 5, 5, 2, 5}), 1);
  EXPECT_EQ(Greedy({0, -0.0F, 0}), 0);
  EXPECT_EQ(Greedy({-7, -7, -6.5F}), 2);
  EXPECT_EQ(Greedy({-kInfinity, -kInfinity}), 0);
  std::vector<float> many(2048, 1);
  EXPECT_EQ(Greedy(many), 0);
  many[1999] = many[2047] = 1.0000001F;
  EXPECT_EQ(Greedy(many), 1999);
}

TEST_P(SamplerTest, LogprobsAreTheLogSoftmaxOfTheRawLogits) {
  const auto logits = OwnedMatrix::Random(5, 517, DType::kF32, 1, 8);
  const std::vector<double> reference = SoftmaxOf(logits, 3, 1);
  for (const float temperature : {0.F, 0.3F, 1.F, 2.F}) {
    const std::vector<SampleRequest> requests(
        5, {.temperature = temperature, .key = {.position = 4}, .num_logprobs = 20});
    const Sample& sample = sampler_.Draw(logits.view(), requests)[3];
    EXPECT_NEAR(sample.logprob, std::log(reference[sample.token]), 1e-5);
    ASSERT_EQ(sample.top.token_ids_size(), 20);
    for (int i = 0; i < 20; ++i) {
      EXPECT_NEAR(sample.top.logprobs(i), std::log(reference[sample.top.token_ids(i)]), 1e-5);
    }
  }
}

TEST_P(SamplerTest, TheBestStandFirstTheLowerIndexAmongEquals) {
  const OwnedMatrix logits = Rows({{1, 4, 2, 4, 2, 2, -kInfinity}});
  const auto top = [&](int count) { return DrawOne(logits, {.num_logprobs = count}).top; };
  EXPECT_THAT(top(5).token_ids(), ElementsAre(1, 3, 2, 4, 5));
  EXPECT_THAT(top(3).token_ids(), ElementsAre(1, 3, 2));
  EXPECT_THAT(top(1).token_ids(), ElementsAre(1));
  EXPECT_THAT(top(0).token_ids(), IsEmpty());
  EXPECT_THAT(top(20).token_ids(), ElementsAre(1, 3, 2, 4, 5, 0, 6));
  EXPECT_EQ(top(20).logprobs(6), -kInfinity);
  EXPECT_EQ(top(5).logprobs(0), top(5).logprobs(1));
}

TEST_P(SamplerTest, TopIsAPrefixOfTheSortedRow) {
  auto logits = OwnedMatrix::Random(1, 300, DType::kF32, 2);
  for (int64_t i = 0; i < 300; i += 3) logits.set(0, i, std::round(logits.at(0, i)));
  std::vector<int32_t> order(300);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](int32_t a, int32_t b) { return logits.at(0, a) > logits.at(0, b); });
  for (const int count : {1, 2, 7, 20}) {
    const Sample sample = DrawOne(logits, {.num_logprobs = count});
    EXPECT_THAT(sample.top.token_ids(), ElementsAreArray(order.begin(), order.begin() + count));
  }
}

TEST_P(SamplerTest, WithoutLogprobsThereAreNone) {
  const OwnedMatrix logits = Rows({{1, 2}, {3, 4}});
  const auto& samples = sampler_.Draw(logits.view(), {{.num_logprobs = 2}, {.num_logprobs = -1}});
  EXPECT_EQ(samples[0].top.token_ids_size(), 2);
  EXPECT_EQ(samples[1].top.token_ids_size(), 0);
  EXPECT_EQ(samples[1].logprob, 0);
  // Nothing of an earlier draw is left.
  EXPECT_EQ(sampler_.Draw(logits.view(), {{}, {}})[0].top.token_ids_size(), 0);
  EXPECT_TRUE(sampler_.Draw(logits.view().Rows(0, 0), {}).empty());
}

// Chi-square of 40,000 keyed draws against the softmax in double. The keys are fixed, and so is the
// outcome.
TEST_P(SamplerTest, DrawsFollowTheDistribution) {
  constexpr int kDraws = 40000;
  constexpr int kTokens = 24;
  auto logits = OwnedMatrix::Random(1, kTokens, DType::kF32, 5, 1.5);
  logits.set(0, 11, -kInfinity);
  for (const float temperature : {0.7F, 1.6F}) {
    const std::vector<double> p = SoftmaxOf(logits, 0, temperature);
    std::vector<int64_t> counts(kTokens);
    for (int i = 0; i < kDraws; ++i) {
      const SampleKey key = {.seed = 3, .line = i / 100, .choice = 0, .position = i % 100};
      ++counts[DrawOne(logits, {.temperature = temperature, .key = key}).token];
    }
    EXPECT_EQ(counts[11], 0);
    double chi_square = 0;
    double rare_expected = 0;  // tokens of fewer than 10 draws are one class
    double rare_count = 0;
    const auto add = [&](double count, double expected) {
      if (expected > 0) chi_square += (count - expected) * (count - expected) / expected;
    };
    for (int token = 0; token < kTokens; ++token) {
      const double expected = p[token] * kDraws;
      if (expected >= 10) {
        add(static_cast<double>(counts[token]), expected);
      } else {
        rare_expected += expected;
        rare_count += static_cast<double>(counts[token]);
      }
    }
    add(rare_count, rare_expected);
    EXPECT_LT(chi_square, 60) << temperature;  // at most 23 degrees of freedom: 1 in 30,000
    EXPECT_GT(chi_square, 3) << temperature;   // nor too even to be random
  }
}

// The token is where the cumulative probability passes the key's number.
TEST_P(SamplerTest, InvertsTheDistribution) {
  const auto logits = OwnedMatrix::Random(1, 50, DType::kF32, 6, 2);
  const std::vector<double> p = SoftmaxOf(logits, 0, 0.8);
  for (int position = 0; position < 500; ++position) {
    const SampleKey key = {.seed = 9, .line = 1, .choice = 0, .position = position};
    const double u = Uniform(key);
    const int32_t token = DrawOne(logits, {.temperature = 0.8F, .key = key}).token;
    const double before = std::accumulate(p.begin(), p.begin() + token, 0.0);
    EXPECT_GT(u, before - 1e-5);
    EXPECT_LT(u, before + p[token] + 1e-5);
  }
}

TEST_P(SamplerTest, OnlyTheKeyDecides) {
  const auto logits = OwnedMatrix::Random(1, 1000, DType::kF32, 7, 0.5);
  const SampleRequest request = {.temperature = 1, .key = {1, 2, 3, 4}, .num_logprobs = 2};
  const Sample alone = DrawOne(logits, request);
  // The same row, as the last of others and beside other keys.
  OwnedMatrix others = OwnedMatrix::Random(8, 1000, DType::kF32, 8);
  for (int64_t i = 0; i < 1000; ++i) others.set(7, i, logits.at(0, i));
  std::vector<SampleRequest> requests(8, {.temperature = 0.5, .key = {9, 9, 9, 9}});
  requests[7] = request;
  const Sample& last = sampler_.Draw(others.view(), requests)[7];
  EXPECT_EQ(last.token, alone.token);
  EXPECT_EQ(last.logprob, alone.logprob);
  EXPECT_EQ(last.top.SerializeAsString(), alone.top.SerializeAsString());
}

TEST_P(SamplerTest, EveryPartOfTheKeyDecides) {
  const OwnedMatrix flat(1, 100000);
  const auto draw = [&](SampleKey key) {
    return DrawOne(flat, {.temperature = 1, .key = key}).token;
  };
  const int32_t token = draw({1, 2, 3, 4});
  EXPECT_EQ(draw({1, 2, 3, 4}), token);
  EXPECT_NE(draw({2, 2, 3, 4}), token);
  EXPECT_NE(draw({1, 3, 3, 4}), token);
  EXPECT_NE(draw({1, -1, 3, 4}), token);
  EXPECT_NE(draw({1, 2, 4, 4}), token);
  EXPECT_NE(draw({1, 2, 3, 5}), token);
}

// Down to temperatures whose inverse is no float.
TEST_P(SamplerTest, AlmostZeroIsGreedy) {
  auto logits = OwnedMatrix::Random(1, 200, DType::kF32, 10);
  logits.set(0, 123, 9);
  for (const float temperature : {1e-3F, 1e-10F, 1e-30F, 1e-38F, 1e-40F, 1e-45F}) {
    for (int position = 0; position < 20; ++position) {
      const SampleKey key = {.position = position};
      EXPECT_EQ(DrawOne(logits, {.temperature = temperature, .key = key}).token, 123)
          << temperature;
    }
  }
}

TEST_P(SamplerTest, NeverDrawsAnImpossibleToken) {
  OwnedMatrix logits(1, 40);
  for (int64_t i = 0; i < 40; ++i) logits.set(0, i, i == 17 ? 2 : -kInfinity);
  for (int position = 0; position < 100; ++position) {
    const SampleKey key = {.position = position};
    EXPECT_EQ(DrawOne(logits, {.temperature = 2, .key = key}).token, 17);
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, SamplerTest, testing::ValuesIn(SupportedIsas()),
                         [](const auto& test) { return Name(test.param); });

}  // namespace
}  // namespace octet
