// What a result shows of one answer, and its text.

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

// An answer beside what was asked. A view.
struct Answer {
  const BatchRequest& request;
  const Prompt& prompt;
  const FinishedSequence& finished;

  // None where nothing was to be generated: the one token that had to be is not shown.
  std::span<const int32_t> token_ids() const;
  // Whether something other than its length ended it.
  bool stopped() const { return request.generate && finished.finish_reason() == STOP; }
};

struct AnswerText {
  std::string text;              // with the prompt's in front where it is echoed
  std::vector<int64_t> offsets;  // [tokens shown]: where each begins in `text`, in characters
};

// The tokens shown are those of the prompt, where it is echoed, and of the answer. A stop text cuts
// the text, a stop token has none, unless they are to be included. Without a tokenizer all texts
// are empty.
AnswerText MakeAnswerText(const Tokenizer* tokenizer, const Answer& answer);

}  // namespace octet

#endif  // OCTET_RUNTIME_BATCH_ANSWER_TEXT_H_
