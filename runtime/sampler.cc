#include "runtime/sampler.h"

#include <algorithm>
#include <numeric>

namespace octet {
namespace {

// Below this temperature only the greatest logit has a chance that float32 can show.
constexpr float kGreedyBelow = 1e-5F;

// The first token at which the cumulative probability passes `u` of the whole.
int32_t InvertDistribution(const float* probabilities, int64_t vocab_size, double u) {
  double total = 0;
  for (int64_t i = 0; i < vocab_size; ++i) total += probabilities[i];
  const double wanted = u * total;
  double sum = 0;
  int32_t last_possible = 0;
  for (int64_t i = 0; i < vocab_size; ++i) {
    if (probabilities[i] > 0) last_possible = static_cast<int32_t>(i);
    sum += probabilities[i];
    if (sum > wanted) return last_possible;
  }
  return last_possible;
}

// The best `count` tokens, the lower index first among equals.
void FindTop(const float* logits, int64_t vocab_size, float log_sum, int count,
             std::vector<int32_t>& order, TopLogprobs& top) {
  order.resize(vocab_size);
  std::iota(order.begin(), order.end(), 0);
  count = static_cast<int>(std::min<int64_t>(count, vocab_size));
  std::partial_sort(order.begin(), order.begin() + count, order.end(), [&](int32_t a, int32_t b) {
    return logits[a] > logits[b] || (logits[a] == logits[b] && a < b);
  });
  top.Clear();
  for (int i = 0; i < count; ++i) {
    top.add_token_ids(order[i]);
    top.add_logprobs(logits[order[i]] - log_sum);
  }
}

}  // namespace

const std::vector<Sample>& Sampler::Draw(ConstMatrix logits,
                                         const std::vector<SampleRequest>& requests) {
  const PhaseClock::Scope timing(context_.clock, Phase::kSampling);
  OCTET_CHECK_EQ(std::ssize(requests), logits.rows);
  samples_.resize(logits.rows);
  for (int64_t row = 0; row < logits.rows; ++row) {
    const SampleRequest& request = requests[row];
    Sample& sample = samples_[row];
    sample.token = DrawOne(logits, row, request);
    sample.logprob = 0;
    sample.top.Clear();
    if (request.num_logprobs < 0) continue;
    float log_sum = 0;
    context_.backend.LogSumExp(logits.Rows(row, 1), {&log_sum, 1});
    sample.logprob = logits.f32(row)[sample.token] - log_sum;
    FindTop(logits.f32(row), logits.cols, log_sum, request.num_logprobs, order_, sample.top);
  }
  return samples_;
}

int32_t Sampler::DrawOne(ConstMatrix logits, int64_t row, const SampleRequest& request) {
  const float* values = logits.f32(row);
  if (request.temperature < kGreedyBelow) {
    return static_cast<int32_t>(std::max_element(values, values + logits.cols) - values);
  }
  const Workspace::Scope scope(context_.workspace);
  const Matrix probabilities = context_.workspace.Alloc(1, logits.cols);
  const float scale = 1 / request.temperature;
  context_.backend.Softmax(logits.Rows(row, 1), {&scale, 1}, probabilities);
  return InvertDistribution(probabilities.f32(0), logits.cols, Uniform(request.key));
}

}  // namespace octet
