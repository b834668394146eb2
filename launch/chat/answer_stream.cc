#include "launch/chat/answer_stream.h"

#include <algorithm>
#include <string_view>

#include "kernels/base/check.h"
#include "runtime/batch/answer_text.h"
#include "runtime/io/utf8.h"

namespace octet {

AnswerStream::AnswerStream(const Tokenizer& tokenizer, const BatchRequest& request)
    : tokenizer_(tokenizer),
      request_(request),
      decoder_(tokenizer, request.prompts[0].ids,
               request.params.keep_special_tokens() ? SpecialTokens::kKeep : SpecialTokens::kSkip) {
}

std::string AnswerStream::Add(int32_t token) {
  text_ += decoder_.Add(token);
  const size_t certain = std::max(CertainBytes(), shown_);
  std::string piece = text_.substr(shown_, certain - shown_);
  shown_ = certain;
  return piece;
}

// Returns the bytes before the longest end of the text that a stop text begins with.
size_t AnswerStream::CertainBytes() const {
  const std::string_view text = text_;
  size_t held = 0;
  for (const std::string& stop : request_.params.stop()) {
    for (size_t size = std::min(stop.size() - 1, text.size()); size > held; --size) {
      if (std::string_view(stop).starts_with(text.substr(text.size() - size))) held = size;
    }
  }
  return BeginOfChar(text, text.size() - held);
}

std::string AnswerStream::Finish(const FinishedSequence& finished) {
  text_ = MakeAnswerText(&tokenizer_, {request_, request_.prompts[0], finished}).text;
  OCTET_CHECK(shown_ <= text_.size()) << shown_ << ' ' << text_.size();
  return text_.substr(shown_);
}

}  // namespace octet
