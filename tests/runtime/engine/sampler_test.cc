#include "runtime/engine/sampler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

#include "kernels/cpu/make_cpu_backend.h"
#include "tests/support/reference.h"
#include "tests/support/sanitized.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

OwnedMatrix Row(const std::vector<float>& values) {
  OwnedMatrix matrix(1, std::ssize(values));
  for (int64_t c = 0; c < std::ssize(values); ++c) matrix.set(0, c, values[c]);
  return matrix;
}

std::vector<double> Softmax(const std::vector<double>& logits, double temperature = 1) {
  std::vector<double> p(logits.size());
  const double max = *std::max_element(logits.begin(), logits.end());
  for (size_t i = 0; i < p.size(); ++i) p[i] = std::exp((logits[i] - max) / temperature);
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= sum;
  return p;
}

std::vector<double> Values(const OwnedMatrix& row) {
  std::vector<double> values(row.view().cols);
  for (size_t i = 0; i < values.size(); ++i) values[i] = row.at(0, static_cast<int64_t>(i));
  return values;
}

// Tokens by falling probability.
std::vector<int> Ranked(const std::vector<double>& p) {
  std::vector<int> order(p.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return p[a] > p[b]; });
  return order;
}

// 0 for those that are not among the first `count` of the order.
std::vector<double> Keep(const std::vector<double>& p, const std::vector<int>& order,
                         size_t count) {
  std::vector<double> kept(p.size());
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += p[order[i]];
  for (size_t i = 0; i < count; ++i) kept[order[i]] = p[order[i]] / sum;
  return kept;
}

std::vector<double> TopP(const std::vector<double>& p, double top_p) {
  const std::vector<int> order = Ranked(p);
  size_t count = 0;
  for (double sum = 0; sum < top_p && count < p.size(); ++count) sum += p[order[count]];
  return Keep(p, order, count);
}

std::vector<double> MinP(const std::vector<double>& p, double min_p) {
  const std::vector<int> order = Ranked(p);
  size_t count = 0;
  while (count < p.size() && p[order[count]] >= min_p * p[order[0]]) ++count;
  return Keep(p, order, count);
}

class SamplerTest : public testing::TestWithParam<Isa> {
 protected:
  int32_t Draw(const OwnedMatrix& logits, const SamplingParams& params, SampleKey key = {},
               const std::vector<int32_t>& prompt = {}, const std::vector<int32_t>& answer = {}) {
    return sampler_.Draw(
        logits.view(),
        {.params = params, .prompt = prompt, .answer = answer, .eos_token_ids = eos_, .key = key});
  }
  int32_t Greedy(const std::vector<float>& logits) { return Draw(Row(logits), {}); }

  TokenLogprob Logprob(const OwnedMatrix& logits, int32_t token, int num_top) {
    TokenLogprob result;
    sampler_.Logprob(logits.view(), token, num_top, result);
    return result;
  }

  // Chi-square of many keyed draws against what they should follow. The keys are fixed, and so is
  // the outcome.
  void ExpectDrawsFollow(const std::vector<double>& p, const OwnedMatrix& logits,
                         const SamplingParams& params, const std::vector<int32_t>& prompt = {},
                         const std::vector<int32_t>& answer = {}) {
    constexpr int kDraws = kSanitized ? 8000 : 40000;
    std::vector<int64_t> counts(p.size());
    for (int i = 0; i < kDraws; ++i) {
      const SampleKey key = {.seed = 3, .line = i / 100, .choice = 0, .position = i % 100};
      ++counts[Draw(logits, params, key, prompt, answer)];
    }
    double chi_square = 0;
    double rare_expected = 0;  // tokens of fewer than 10 draws are one class
    double rare_count = 0;
    int classes = 0;
    const auto add = [&](double count, double expected) {
      if (expected <= 0) return;
      chi_square += (count - expected) * (count - expected) / expected;
      ++classes;
    };
    for (size_t token = 0; token < p.size(); ++token) {
      const double expected = p[token] * kDraws;
      if (expected == 0) {
        EXPECT_EQ(counts[token], 0) << token << " is impossible";
      } else if (expected >= 10) {
        add(static_cast<double>(counts[token]), expected);
      } else {
        rare_expected += expected;
        rare_count += static_cast<double>(counts[token]);
      }
    }
    add(rare_count, rare_expected);
    const double freedom = classes - 1;
    EXPECT_GE(freedom, 1);
    // About 1 in 30,000 for each, with the normal approximation of Wilson and Hilferty.
    const double z = 4;
    const double most =
        freedom * std::pow(1 - 2 / (9 * freedom) + z * std::sqrt(2 / (9 * freedom)), 3);
    EXPECT_LT(chi_square, most) << params.ShortDebugString();
  }

  std::unique_ptr<Backend> backend_ = MakeCpuBackend(GetParam(), 1);
  Workspace workspace_{[this](size_t bytes) { return backend_->Allocate(bytes); }};
  PhaseClock clock_;
  ExecutionContext context_{*backend_, workspace_, clock_, DType::kF32};
  Sampler sampler_{context_};
  std::vector<int32_t> eos_ = {2};
  const OwnedMatrix logits_ = [] {
    auto logits = OwnedMatrix::Random(1, 24, DType::kF32, 5, 1.5);
    logits.set(0, 11, -kInfinity);
    return logits;
  }();
};

SamplingParams Temperature(float temperature) {
  SamplingParams params;
  params.set_temperature(temperature);
  return params;
}

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
  const auto logits = OwnedMatrix::Random(1, 517, DType::kF32, 1, 8);
  const std::vector<double> p = Softmax(Values(logits));
  const std::vector<int> order = Ranked(p);
  for (const int32_t token : {0, 77, 516}) {
    const TokenLogprob result = Logprob(logits, token, 20);
    EXPECT_NEAR(result.logprob(), std::log(p[token]), 1e-5);
    EXPECT_EQ(order[result.rank() - 1], token);
    EXPECT_THAT(result.top_ids(), ElementsAreArray(order.begin(), order.begin() + 20));
    for (int i = 0; i < 20; ++i) {
      EXPECT_NEAR(result.top_logprobs(i), std::log(p[result.top_ids(i)]), 1e-5);
    }
  }
}

TEST_P(SamplerTest, TheBestStandFirstTheLowerIndexAmongEquals) {
  const OwnedMatrix logits = Row({1, 4, 2, 4, 2, 2, -kInfinity});
  const auto top = [&](int count) { return Logprob(logits, 3, count); };
  EXPECT_THAT(top(5).top_ids(), ElementsAre(1, 3, 2, 4, 5));
  EXPECT_THAT(top(3).top_ids(), ElementsAre(1, 3, 2));
  EXPECT_THAT(top(1).top_ids(), ElementsAre(1));
  EXPECT_THAT(top(0).top_ids(), IsEmpty());
  EXPECT_THAT(top(20).top_ids(), ElementsAre(1, 3, 2, 4, 5, 0, 6));
  EXPECT_EQ(top(20).top_logprobs(6), -kInfinity);
  EXPECT_EQ(top(5).top_logprobs(0), top(5).top_logprobs(1));
  EXPECT_EQ(top(0).rank(), 2);
  EXPECT_EQ(Logprob(logits, 1, 0).rank(), 1);
  EXPECT_EQ(Logprob(logits, 6, 0).rank(), 7);
}

TEST_P(SamplerTest, DrawsFollowTheDistribution) {
  for (const float temperature : {0.7F, 1.F, 1.6F}) {
    ExpectDrawsFollow(Softmax(Values(logits_), temperature), logits_, Temperature(temperature));
  }
}

TEST_P(SamplerTest, TopK) {
  const std::vector<double> p = Softmax(Values(logits_), 1.3F);
  SamplingParams params = Temperature(1.3F);
  for (const int k : {2, 5, 23, 24, 100}) {
    params.set_top_k(k);
    ExpectDrawsFollow(Keep(p, Ranked(p), std::min<size_t>(k, 23)), logits_, params);
  }
  params.set_top_k(1);
  EXPECT_EQ(Draw(logits_, params), Ranked(p)[0]);
}

TEST_P(SamplerTest, TopP) {
  const std::vector<double> p = Softmax(Values(logits_), 1.3F);
  SamplingParams params = Temperature(1.3F);
  for (const float top_p : {0.5F, 0.9F, 0.999F, 1.F}) {
    params.set_top_p(top_p);
    ExpectDrawsFollow(TopP(p, top_p), logits_, params);
  }
  params.set_top_p(1e-6F);
  EXPECT_EQ(Draw(logits_, params), Ranked(p)[0]);
}

// More tokens are kept than are sorted at first.
TEST_P(SamplerTest, TopPOfAFlatDistribution) {
  const auto logits = OwnedMatrix::Random(1, 400, DType::kF32, 8, 0.1F);
  const std::vector<double> p = Softmax(Values(logits));
  SamplingParams params = Temperature(1);
  params.set_top_p(0.75F);
  ExpectDrawsFollow(TopP(p, 0.75), logits, params);
}

TEST_P(SamplerTest, MinP) {
  const std::vector<double> p = Softmax(Values(logits_), 1.3F);
  SamplingParams params = Temperature(1.3F);
  for (const float min_p : {0.01F, 0.2F, 0.6F}) {
    params.set_min_p(min_p);
    ExpectDrawsFollow(MinP(p, min_p), logits_, params);
  }
  params.set_min_p(1);
  EXPECT_EQ(Draw(logits_, params), Ranked(p)[0]);
}

// min_p, then top_k of the rest, then top_p of the rest of that.
TEST_P(SamplerTest, FiltersComeInOrder) {
  const std::vector<double> p = MinP(Softmax(Values(logits_), 1.3F), 0.05);
  SamplingParams params = Temperature(1.3F);
  params.set_min_p(0.05F);
  params.set_top_k(6);
  params.set_top_p(0.8F);
  ExpectDrawsFollow(TopP(Keep(p, Ranked(p), 6), 0.8), logits_, params);
}

TEST_P(SamplerTest, LogitBias) {
  std::vector<double> values = Values(logits_);
  SamplingParams params = Temperature(1);
  for (const auto& [token, bias] : {std::pair(3, 2.5F), std::pair(7, -1.F), std::pair(9, -100.F)}) {
    LogitBias& b = *params.add_logit_bias();
    b.set_token_id(token);
    b.set_bias(bias);
    values[token] += bias;
  }
  ExpectDrawsFollow(Softmax(values), logits_, params);
  params.set_temperature(0);
  params.mutable_logit_bias(0)->set_bias(100);
  EXPECT_EQ(Draw(logits_, params), 3);
}

TEST_P(SamplerTest, FrequencyAndPresencePenaltiesCountTheAnswer) {
  const std::vector<int32_t> prompt = {5, 5, 6};
  const std::vector<int32_t> answer = {7, 8, 7, 7};
  SamplingParams params = Temperature(1);
  params.set_frequency_penalty(0.4F);
  std::vector<double> values = Values(logits_);
  values[7] -= 3 * 0.4;
  values[8] -= 0.4;
  ExpectDrawsFollow(Softmax(values), logits_, params, prompt, answer);
  params.set_presence_penalty(-1.1F);
  values[7] += 1.1;
  values[8] += 1.1;
  ExpectDrawsFollow(Softmax(values), logits_, params, prompt, answer);
  params.set_frequency_penalty(0);
  values[7] += 3 * 0.4;
  values[8] += 0.4;
  ExpectDrawsFollow(Softmax(values), logits_, params, prompt, answer);
}

TEST_P(SamplerTest, RepetitionPenaltyCountsPromptAndAnswerOnce) {
  const std::vector<int32_t> prompt = {5, 5, 6};
  const std::vector<int32_t> answer = {7, 8, 7, 5};
  SamplingParams params = Temperature(1);
  for (const float penalty : {1.7F, 0.6F}) {
    params.set_repetition_penalty(penalty);
    std::vector<double> values = Values(logits_);
    for (const int token : {5, 6, 7, 8}) {
      values[token] = values[token] > 0 ? values[token] / penalty : values[token] * penalty;
    }
    ExpectDrawsFollow(Softmax(values), logits_, params, prompt, answer);
  }
}

// Nothing of an earlier request is left.
TEST_P(SamplerTest, PenaltiesAreOfOneRequest) {
  SamplingParams params;
  params.set_frequency_penalty(2);
  params.set_repetition_penalty(2);
  const OwnedMatrix logits = Row({0, 5, 4.5F, 4});
  EXPECT_EQ(Draw(logits, params, {}, {2}, {1, 1}), 3);
  EXPECT_EQ(Draw(logits, params, {}, {}, {}), 1);
  EXPECT_EQ(Draw(logits, params, {}, {1}, {2}), 3);
}

TEST_P(SamplerTest, BeforeMinTokensNothingEndsTheAnswer) {
  const OwnedMatrix logits = Row({0, 3, 9, 8, 7});
  SamplingParams params;
  params.add_stop_token_ids(3);
  EXPECT_EQ(Draw(logits, params), 2);
  params.set_min_tokens(2);
  EXPECT_EQ(Draw(logits, params, {}, {1}, {0}), 4);
  EXPECT_EQ(Draw(logits, params, {}, {1}, {0, 0}), 2);
  params.set_ignore_eos(true);  // as in vLLM: what may not come is asked before what it would do
  EXPECT_EQ(Draw(logits, params, {}, {1}, {0}), 4);
  params.clear_stop_token_ids();
  params.set_ignore_eos(false);
  EXPECT_EQ(Draw(logits, params, {}, {1}, {0}), 3);
}

// What a request may ask for leaves numbers, whatever comes of it.
TEST_P(SamplerTest, ExtremesGiveAToken) {
  SamplingParams params = Temperature(1);
  params.set_min_tokens(5);
  for (int id = 0; id < 24; ++id) params.add_stop_token_ids(id);
  EXPECT_GE(Draw(logits_, params), 0);  // all tokens are banned
  params.Clear();
  params.set_temperature(2);
  params.set_repetition_penalty(1.2e-38F);
  EXPECT_GE(Draw(logits_, params, {}, {1, 2, 3}, {4, 5}), 0);
  params.set_temperature(1e-4F);
  params.set_top_p(1e-30F);
  params.set_top_k(1000000);
  params.set_min_p(1e-30F);
  EXPECT_GE(Draw(logits_, params, {}, {1, 2, 3}, {4, 5}), 0);
}

// The token is where the cumulative probability passes the key's number.
TEST_P(SamplerTest, InvertsTheDistribution) {
  const auto logits = OwnedMatrix::Random(1, 50, DType::kF32, 6, 2);
  const std::vector<double> p = Softmax(Values(logits), 0.8);
  for (int position = 0; position < 500; ++position) {
    const SampleKey key = {.seed = 9, .line = 1, .choice = 0, .position = position};
    const double u = Uniform(key);
    const int32_t token = Draw(logits, Temperature(0.8F), key);
    const double before = std::accumulate(p.begin(), p.begin() + token, 0.0);
    EXPECT_GT(u, before - 1e-5);
    EXPECT_LT(u, before + p[token] + 1e-5);
  }
}

TEST_P(SamplerTest, EveryPartOfTheKeyDecides) {
  const OwnedMatrix flat(1, 100000);
  const auto draw = [&](SampleKey key) { return Draw(flat, Temperature(1), key); };
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
      EXPECT_EQ(Draw(logits, Temperature(temperature), {.position = position}), 123) << temperature;
    }
  }
}

TEST_P(SamplerTest, NeverDrawsAnImpossibleToken) {
  OwnedMatrix logits(1, 40);
  for (int64_t i = 0; i < 40; ++i) logits.set(0, i, i == 17 ? 2 : -kInfinity);
  for (int position = 0; position < 100; ++position) {
    EXPECT_EQ(Draw(logits, Temperature(2), {.position = position}), 17);
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, SamplerTest, testing::ValuesIn(SupportedIsas()),
                         [](const auto& test) { return Name(test.param); });

}  // namespace
}  // namespace octet
