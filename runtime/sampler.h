// From logits to tokens.

#ifndef OCTET_RUNTIME_SAMPLER_H_
#define OCTET_RUNTIME_SAMPLER_H_

#include <vector>

#include "proto/engine.pb.h"
#include "runtime/execution_context.h"
#include "runtime/random.h"

namespace octet {

// A token chosen for one row of logits.
struct Sample {
  int32_t token = 0;
  float logprob = 0;  // log-softmax of the raw logits; 0 where not asked for
  TopLogprobs top;    // the best tokens of the raw logits
};

struct SampleRequest {
  float temperature = 0;  // 0: the greatest logit, the lowest index among equals
  SampleKey key = {};     // where temperature is positive
  int num_logprobs = -1;  // see SamplingParams
};

class Sampler {
 public:
  explicit Sampler(const ExecutionContext& context) : context_(context) {}

  // One sample for each row. logits: [requests, vocab_size]. Valid until the next call.
  const std::vector<Sample>& Draw(ConstMatrix logits, const std::vector<SampleRequest>& requests);

 private:
  int32_t DrawOne(ConstMatrix logits, int64_t row, const SampleRequest& request);

  const ExecutionContext& context_;
  std::vector<Sample> samples_;
  std::vector<int32_t> order_;  // token ids, for the best ones
};

}  // namespace octet

#endif  // OCTET_RUNTIME_SAMPLER_H_
