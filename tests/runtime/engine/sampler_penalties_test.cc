// What biases and penalties make of the logits.

#include <utility>

#include "tests/support/sampler_fixture.h"

namespace octet::sampler_draws {
namespace {

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

TEST_P(SamplerTest, AllowedTokensAloneMayCome) {
  std::vector<double> values(Values(logits_).size(), -1e9);
  SamplingParams params = Temperature(1);
  for (const int token : {0, 4, 9}) {
    params.add_allowed_token_ids(token);
    values[token] = Values(logits_)[token];
  }
  ExpectDrawsFollow(Softmax(values), logits_, params);
  params.add_bad_words()->add_ids(0);
  values[0] = -1e9;
  ExpectDrawsFollow(Softmax(values), logits_, params);
  params.clear_allowed_token_ids();
  params.add_allowed_token_ids(0);  // which the bad word would leave without any
  params.set_temperature(0);
  EXPECT_EQ(Draw(logits_, params), 0);
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

}  // namespace
}  // namespace octet::sampler_draws
