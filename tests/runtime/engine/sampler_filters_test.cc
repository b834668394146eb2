// What top_k, top_p and min_p leave of the distribution.

#include "tests/support/sampler_fixture.h"

namespace octet::sampler_draws {
namespace {

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

}  // namespace
}  // namespace octet::sampler_draws
