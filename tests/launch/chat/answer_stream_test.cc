#include "launch/chat/answer_stream.h"

#include <gmock/gmock.h>

#include "runtime/io/utf8.h"
#include "tests/support/batch_request_fixture.h"

namespace octet::request_lines {
namespace {

class AnswerStreamTest : public BatchRequestFixture {
 protected:
  BatchRequest Request(const std::string& fields) const { return Accept(ChatWith(fields)); }

  std::vector<int32_t> Ids(const std::string& text) const {
    return limits_.tokenizer->Encode(text);
  }

  // The pieces of a stream of these tokens, the last of which comes with the end.
  std::vector<std::string> Pieces(const BatchRequest& request, FinishedSequence finished) const {
    AnswerStream stream(*limits_.tokenizer, request);
    std::vector<std::string> pieces;
    for (int i = 0; i + 1 < finished.token_ids_size(); ++i) {
      pieces.push_back(stream.Add(finished.token_ids(i)));
    }
    pieces.push_back(stream.Finish(finished));
    return pieces;
  }

  static FinishedSequence Finished(const std::vector<int32_t>& ids, FinishReason reason) {
    FinishedSequence finished;
    finished.mutable_token_ids()->Add(ids.begin(), ids.end());
    finished.set_finish_reason(reason);
    return finished;
  }
};

TEST_F(AnswerStreamTest, PiecesAreTheWholeText) {
  const std::string text = "the größer 漢 king";  // with characters of several tokens
  const auto pieces = Pieces(Request(R"("top_k": 1)"), Finished(Ids(text), LENGTH));
  std::string all;
  for (const std::string& piece : pieces) {
    EXPECT_TRUE(IsUtf8(piece));
    all += piece;
  }
  EXPECT_EQ(all, " " + text);
  EXPECT_EQ(pieces.front(), " the");
}

TEST_F(AnswerStreamTest, WhatMayBecomeAStopTextIsHeldBack) {
  const BatchRequest request = Request(R"("stop": ["king David", "zzz"])");
  FinishedSequence finished = Finished(Ids("the king David"), STOP);
  finished.mutable_stop_text()->set_offset(5);
  std::string all;
  for (const std::string& piece : Pieces(request, finished)) all += piece;
  EXPECT_EQ(all, " the ");
  all.clear();
  for (const std::string& piece : Pieces(request, Finished(Ids("the king Davi"), LENGTH))) {
    all += piece;
  }
  EXPECT_EQ(all, " the king Davi");
}

TEST_F(AnswerStreamTest, AStopTokenHasNoText) {
  const int32_t stop = Ids("the king").back();
  const BatchRequest request = Request(absl::StrCat("\"stop_token_ids\": [", stop, "]"));
  FinishedSequence finished = Finished(Ids("the king"), STOP);
  finished.set_stop_token(stop);
  const auto pieces = Pieces(request, finished);
  EXPECT_EQ(pieces.back(), "");
}

}  // namespace
}  // namespace octet::request_lines
