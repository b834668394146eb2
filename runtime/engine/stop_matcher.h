// Texts that end an answer.

#ifndef OCTET_RUNTIME_ENGINE_STOP_MATCHER_H_
#define OCTET_RUNTIME_ENGINE_STOP_MATCHER_H_

#include <optional>
#include <string>

#include "proto/engine.pb.h"
#include "runtime/text/streaming_decoder.h"

namespace octet {

// A matcher that looks for a request's stop texts in its answer's text as it grows, also across
// token boundaries.
class StopMatcher {
 public:
  // The arguments must outlive this object.
  StopMatcher(const Tokenizer& tokenizer, std::span<const int32_t> prompt,
              const SamplingParams& params);

  // Adds the next token. Returns the first text of the list that this token completes, and where it
  // begins. Ignores a text that ends within the first min_tokens tokens.
  std::optional<StopText> Add(int32_t token);

 private:
  const SamplingParams& params_;
  StreamingDecoder decoder_;
  size_t longest_ = 0;  // bytes of the longest text
  int32_t num_tokens_ = 0;
  std::string tail_;         // the end of the answer's text, in which a stop text may still begin
  int64_t tail_offset_ = 0;  // bytes before it
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_STOP_MATCHER_H_
