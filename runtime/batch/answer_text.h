// The parts of an answer that a result shows, and its text.

#ifndef OCTET_RUNTIME_BATCH_ANSWER_TEXT_H_
#define OCTET_RUNTIME_BATCH_ANSWER_TEXT_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "proto/engine.pb.h"
#include "runtime/batch/batch_request.h"
#include "runtime/text/tokenizer.h"

namespace octet {

// An answer with its request and prompt. A view.
struct Answer {
  const BatchRequest& request;
  const Prompt& prompt;
  const FinishedSequence& finished;

  // Returns the tokens to show. There are none if nothing was to be generated: the engine must
  // generate one token even then, and it is not shown.
  std::span<const int32_t> token_ids() const;
  // Returns whether something other than its length ended the answer.
  bool stopped() const { return request.generate && finished.finish_reason() == STOP; }
};

struct AnswerText {
  std::string text;              // after the prompt's text if that is echoed
  std::vector<int64_t> offsets;  // [tokens shown] the start of each in `text`, in characters
};

// Returns the text of the tokens that are shown: those of the prompt if it is echoed, then those of
// the answer. A stop text cuts the text off and a stop token adds no text, unless the request
// includes them. Without a tokenizer all texts are empty.
AnswerText MakeAnswerText(const Tokenizer* tokenizer, const Answer& answer);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_ANSWER_TEXT_H_
