#include "runtime/engine/sampler.h"

#include <gmock/gmock.h>

#include "tests/support/sampler_fixture.h"

namespace octet::sampler_draws {
namespace {

using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::IsEmpty;

TEST_P(SamplerTest, GreedyTakesTheLowestOfTheBest) {
  EXPECT_EQ(Greedy({3}), 0);
  EXPECT_EQ(Greedy({1, 5, 5, 2, 5}), 1);
  EXPECT_EQ(Greedy({0, -0.0F, 0}), 0);
  EXPECT_EQ(Greedy({-7, -7, -6.5F}), 2);
  EXPECT_EQ(Greedy({kNever, kNever}), 0);
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
  for (int64_t i = 0; i < 40; ++i) logits.set(0, i, i == 17 ? 2 : kNever);
  for (int position = 0; position < 100; ++position) {
    EXPECT_EQ(Draw(logits, Temperature(2), {.position = position}), 17);
  }
}

INSTANTIATE_TEST_SUITE_P(Paths, SamplerTest, testing::ValuesIn(SupportedIsas()),
                         [](const auto& test) { return Name(test.param); });

}  // namespace
}  // namespace octet::sampler_draws
