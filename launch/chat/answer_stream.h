// The text of an answer while its tokens come.

#ifndef OCTET_LAUNCH_CHAT_ANSWER_STREAM_H_
#define OCTET_LAUNCH_CHAT_ANSWER_STREAM_H_

#include <cstdint>
#include <string>

#include "proto/engine.pb.h"
#include "runtime/batch/batch_request.h"
#include "runtime/text/streaming_decoder.h"
#include "runtime/text/tokenizer.h"

namespace octet {

// A stream of an answer's text: all pieces together are the text that a batch gives. Text in which
// a stop text may still begin is held back.
class AnswerStream {
 public:
  // The arguments must outlive this object.
  AnswerStream(const Tokenizer& tokenizer, const BatchRequest& request);

  // Returns the text that is certain now. The last token of an answer does not come here: it may
  // have no text.
  std::string Add(int32_t token);

  // Returns the rest.
  std::string Finish(const FinishedSequence& finished);

  // The whole text; valid after Finish.
  const std::string& text() const { return text_; }

 private:
  size_t CertainBytes() const;

  const Tokenizer& tokenizer_;
  const BatchRequest& request_;
  StreamingDecoder decoder_;
  std::string text_;
  size_t shown_ = 0;  // bytes of text_ that were returned
};

}  // namespace octet

#endif  // OCTET_LAUNCH_CHAT_ANSWER_STREAM_H_
