// The computing of one answer, with its text as it comes.

#ifndef OCTET_LAUNCH_CHAT_ANSWERER_H_
#define OCTET_LAUNCH_CHAT_ANSWERER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "proto/engine.pb.h"
#include "runtime/batch/batch_request.h"
#include "runtime/engine/engine.h"
#include "runtime/text/tokenizer.h"

namespace octet {

// The tokens of an answer, and how long they took.
struct AnswerRates {
  int64_t prompt_tokens = 0;
  int64_t computed_prompt_tokens = 0;  // the others were kept from earlier turns
  int64_t answer_tokens = 0;
  double first_token_seconds = 0;  // from the request to its first token
  double later_tokens_seconds = 0;
};

// Returns a line for the user.
std::string DescribeRates(const AnswerRates& rates);

struct ComputedAnswer {
  FinishedSequence finished;
  std::string text;  // as a batch gives it
  AnswerRates rates;
};

// Computes answers on rank 0, one at a time. All are computed on rank 0, whose KV cache keeps what
// they have in common. The other ranks step meanwhile.
class Answerer {
 public:
  // The arguments must outlive this object.
  Answerer(Engine& engine, const Tokenizer& tokenizer);
  Answerer(const Answerer&) = delete;
  Answerer& operator=(const Answerer&) = delete;
  ~Answerer() { engine_.SetOnToken(nullptr); }

  // Computes the answer to a request. Calls `show` with its text piece by piece. Calls `stop`
  // between steps; if that returns true, the answer ends with CANCELLED.
  ComputedAnswer Answer(const BatchRequest& request,
                        const std::function<void(const std::string& piece)>& show,
                        const std::function<bool()>& stop);

 private:
  void Submit(const BatchRequest& request);

  Engine& engine_;
  const Tokenizer& tokenizer_;
  int64_t num_answers_ = 0;
  std::vector<int32_t> tokens_;  // of the last step
};

}  // namespace octet

#endif  // OCTET_LAUNCH_CHAT_ANSWERER_H_
