// Draws of the sampler, and the distributions that they should follow.

#ifndef OCTET_TESTS_SUPPORT_SAMPLER_FIXTURE_H_
#define OCTET_TESTS_SUPPORT_SAMPLER_FIXTURE_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <vector>

#include "kernels/cpu/make_cpu_backend.h"
#include "runtime/engine/sampler.h"
#include "tests/support/reference.h"
#include "tests/support/sanitized.h"

namespace octet::sampler_draws {

inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
inline constexpr float kNever = std::numeric_limits<float>::lowest();  // a banned token's logit

inline OwnedMatrix Row(const std::vector<float>& values) {
  OwnedMatrix matrix(1, std::ssize(values));
  for (int64_t c = 0; c < std::ssize(values); ++c) matrix.set(0, c, values[c]);
  return matrix;
}

inline std::vector<double> Values(const OwnedMatrix& row) {
  std::vector<double> values(row.view().cols);
  for (size_t i = 0; i < values.size(); ++i) values[i] = row.at(0, static_cast<int64_t>(i));
  return values;
}

inline std::vector<double> Softmax(const std::vector<double>& logits, double temperature = 1) {
  std::vector<double> p(logits.size());
  const double max = *std::max_element(logits.begin(), logits.end());
  for (size_t i = 0; i < p.size(); ++i) p[i] = std::exp((logits[i] - max) / temperature);
  const double sum = std::accumulate(p.begin(), p.end(), 0.0);
  for (double& x : p) x /= sum;
  return p;
}

// Tokens by falling probability.
inline std::vector<int> Ranked(const std::vector<double>& p) {
  std::vector<int> order(p.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return p[a] > p[b]; });
  return order;
}

inline SamplingParams Temperature(float temperature) {
  SamplingParams params;
  params.set_temperature(temperature);
  return params;
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
    logits.set(0, 11, kNever);
    return logits;
  }();
};

}  // namespace octet::sampler_draws

#endif  // OCTET_TESTS_SUPPORT_SAMPLER_FIXTURE_H_
