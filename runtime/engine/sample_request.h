// The input of one draw, besides the logits.

#ifndef OCTET_RUNTIME_ENGINE_SAMPLE_REQUEST_H_
#define OCTET_RUNTIME_ENGINE_SAMPLE_REQUEST_H_

#include <cstdint>
#include <span>

#include "proto/engine.pb.h"
#include "runtime/engine/answer_guide.h"
#include "runtime/model/random.h"

namespace octet {

struct SampleRequest {
  const SamplingParams& params;
  std::span<const int32_t> prompt;         // tokens
  std::span<const int32_t> answer;         // tokens so far
  std::span<const int32_t> eos_token_ids;  // end the answer, unless the request ignores them
  SampleKey key;                           // used if the temperature is positive
  AnswerGuide* guide = nullptr;            // if the answer has a constraint
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_SAMPLE_REQUEST_H_
