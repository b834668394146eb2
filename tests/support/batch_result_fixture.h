// Answers made by hand, and what result lines say of them.

#ifndef OCTET_TESTS_SUPPORT_BATCH_RESULT_FIXTURE_H_
#define OCTET_TESTS_SUPPORT_BATCH_RESULT_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "runtime/batch/batch_result.h"
#include "tests/support/json.h"
#include "tests/support/sentencepiece_model.h"

namespace octet::result_lines {

inline int32_t ByteId(int byte) { return 3 + byte; }
inline constexpr int32_t kThe = 3 + 256;       // "▁the"
inline constexpr int32_t kCat = kThe + 1;      // "cat"
inline constexpr int32_t kUmlaut = kThe + 2;   // "ü"
inline constexpr int32_t kSpace = kThe + 3;    // "▁", which reads as ByteId(' ') does
inline constexpr int32_t kNoPiece = kThe + 4;  // of a padded vocabulary

inline Tokenizer ToyTokenizer() {
  auto model = BareModel(/*byte_fallback=*/true);
  for (const char* piece : {"\u2581the", "cat", "\u00fc", "\u2581"}) AddPiece(model, piece);
  return MakeTokenizer(model);
}

inline FinishedSequence Finished(const std::vector<int32_t>& ids, FinishReason reason = LENGTH) {
  FinishedSequence finished;
  finished.mutable_token_ids()->Add(ids.begin(), ids.end());
  finished.set_finish_reason(reason);
  return finished;
}

// The log-probability of a token, and those of the best ones.
using Top = std::vector<std::pair<int32_t, float>>;
inline void Fill(float logprob, int rank, const Top& top, TokenLogprob* out) {
  out->set_logprob(logprob);
  out->set_rank(rank);
  for (const auto& [id, top_logprob] : top) {
    out->add_top_ids(id);
    out->add_top_logprobs(top_logprob);
  }
}

// One prompt, <s> "the", unless a test changes it; no logprobs.
class BatchResultFixture : public testing::Test {
 protected:
  std::string Format(const FinishedSequence& finished) const {
    return FormatResult(format_, 7, request_, std::vector{finished});
  }
  nlohmann::json Body(const std::vector<FinishedSequence>& choices) const {
    return ParseJson(FormatResult(format_, 7, request_, choices))["response"]["body"];
  }
  nlohmann::json Choice(const FinishedSequence& finished) const {
    return Body({finished})["choices"][0];
  }

  Tokenizer tokenizer_ = ToyTokenizer();
  ResultFormat format_ = {.tokenizer = &tokenizer_, .model = "demo", .created = 12};
  BatchRequest request_ = [] {
    BatchRequest request = {.custom_id = "a", .prompts = {{.ids = {kBos, kThe}}}};
    request.params.set_num_logprobs(-1);
    request.params.set_num_prompt_logprobs(-1);
    return request;
  }();
};

}  // namespace octet::result_lines

#endif  // OCTET_TESTS_SUPPORT_BATCH_RESULT_FIXTURE_H_
