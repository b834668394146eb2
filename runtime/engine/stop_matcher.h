// Texts that end an answer.

#ifndef OCTET_RUNTIME_ENGINE_STOP_MATCHER_H_
#define OCTET_RUNTIME_ENGINE_STOP_MATCHER_H_

#include <optional>
#include <string>

#include "proto/engine.pb.h"
#include "runtime/text/streaming_decoder.h"

namespace octet {

// Looks for the stop texts of a request in its answer's text as it grows, over the borders of
// tokens.
class StopMatcher {
 public:
  // What it is made from must outlive it.
  StopMatcher(const Tokenizer& tokenizer, std::span<const int32_t> prompt,
              const SamplingParams& params);

  // The first text of the list that the next token completes, and where it begins. A text that ends
  // within the first min_tokens tokens does not count.
  std::optional<StopText> Add(int32_t token);

 private:
  const SamplingParams& params_;
  StreamingDecoder decoder_;
  size_t longest_ = 0;  // bytes of the longest text
  int32_t num_tokens_ = 0;
  std::string tail_;         // of the answer's text: all that a text may still begin in
  int64_t tail_offset_ = 0;  // bytes before it
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_STOP_MATCHER_H_
