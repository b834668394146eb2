// Answers of the engine to requests with constraints.

#include <gmock/gmock.h>

#include "runtime/engine/answer_guide.h"
#include "runtime/io/strict_json.h"
#include "runtime/text/streaming_decoder.h"
#include "tests/support/engine_fixture.h"
#include "tests/support/grammar_texts.h"
#include "tests/support/random_schema.h"
#include "tests/support/sanitized.h"
#include "tests/support/schema_validator.h"

namespace octet::engine_runs {
namespace {

constexpr int32_t kEnd = 2;

class ConstrainedAnswersTest : public EngineFixture {
 protected:
  // After a prompt of BOS alone, or one whose last token ends a character.
  static NewSequence Request(int64_t id, const AnswerConstraint& constraint, int max_tokens = 100) {
    std::vector<int32_t> prompt = PromptIds(static_cast<int>(1 + id % 9), 50);
    if (prompt.size() > 1) prompt.back() = 300;
    NewSequence request = GreedyRequest(id, prompt, max_tokens);
    SamplingParams& params = *request.mutable_params();
    params.set_ignore_eos(false);
    params.set_temperature(1.5F);
    *params.mutable_constraint() = constraint;
    return request;
  }

  // The text of an answer, without the token that ended it.
  std::string Text(const NewSequence& request, const FinishedSequence& answer) const {
    const std::vector<int32_t> prompt(request.prompt_ids().begin(), request.prompt_ids().end());
    StreamingDecoder decoder(tokenizer_, prompt);
    std::string text;
    for (const int32_t id : answer.token_ids()) text += decoder.Add(id);
    return text + (answer.finish_reason() == STOP ? decoder.Finish() : "");
  }

  FinishedSequence Answer(const NewSequence& request) {
    return Run(kPlain, DType::kF32, {request}).front();
  }

  Tokenizer tokenizer_ = DemoTokenizer();
};

TEST_F(ConstrainedAnswersTest, AreWhatTheyMustBe) {
  const AnswerConstraint constraints[] = {
      ChoiceConstraint({"positive", "negative"}), RegexConstraint(R"(\w+@\w+\.com\n)"),
      RegexConstraint("a*"), ObjectConstraint(),
      SchemaConstraint(R"({"type": "object", "properties": {"brand": {"type": "string"},
        "model": {"type": "string", "maxLength": 9}, "car_type": {"type": "string",
        "enum": ["sedan", "SUV", "Truck", "Coupe"]}}, "required": ["brand", "model", "car_type"]})")};
  std::vector<NewSequence> requests;
  for (int64_t i = 0; i < 60; ++i) {
    requests.push_back(Request(i, constraints[i % std::size(constraints)]));
  }
  int stopped = 0;
  const std::vector<FinishedSequence> answers = Run(kPlain, DType::kF32, requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    ConstraintAutomaton automaton(requests[i].params().constraint());
    const std::string text = Text(requests[i], answers[i]);
    const bool is_whole = answers[i].finish_reason() == STOP;
    EXPECT_TRUE(is_whole ? automaton.Matches(text) : automaton.MayBegin(text)) << i << ": " << text;
    EXPECT_EQ(is_whole, *answers[i].token_ids().rbegin() == kEnd) << text;
    stopped += is_whole ? 1 : 0;
  }
  EXPECT_GT(stopped, 20);
}

TEST_F(ConstrainedAnswersTest, ObeyRandomSchemas) {
  std::vector<NewSequence> requests;
  for (uint32_t seed = 0; std::ssize(requests) < (kSanitized ? 20 : 150); ++seed) {
    const AnswerConstraint constraint = SchemaConstraint(RandomSchema(seed).Make().dump());
    if (!MakeGrammar(constraint).ok()) continue;
    requests.push_back(Request(std::ssize(requests), constraint, 110));
  }
  const std::vector<FinishedSequence> answers = Run(kPlain, DType::kF32, requests);
  int stopped = 0;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (answers[i].finish_reason() != STOP) continue;
    ++stopped;
    const std::string text = Text(requests[i], answers[i]);
    const auto schema =
        ParseOrderedJson(requests[i].params().constraint().json_schema(), "").value();
    const auto value = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
    ASSERT_FALSE(value.is_discarded()) << schema << "\n" << text;
    EXPECT_TRUE(IsValidBySchema(value, schema, schema)) << schema << "\n" << text;
  }
  EXPECT_GT(stopped, std::ssize(requests) / 3);
}

TEST_F(ConstrainedAnswersTest, AreTheSameInEveryMode) {
  std::vector<NewSequence> requests;
  for (int64_t i = 0; i < 12; ++i) {
    requests.push_back(
        Request(i, i % 3 == 0 ? RegexConstraint("( [a-z]+){3,}") : ObjectConstraint(), 40));
    requests.back().mutable_params()->set_num_logprobs(i % 2 == 0 ? 2 : -1);
  }
  const auto expected = Serialized(Run(kPlain, DType::kF32, requests));
  for (const Mode& mode : {Mode{2, "round-robin", 1, 3, 7}, Mode{3, "random:2", 2, 64, 64},
                           Mode{1, "contiguous", 1, 64, 64, 0, 4}}) {
    EXPECT_EQ(Serialized(Run(mode, DType::kF32, requests)), expected) << mode.ranks;
  }
}

TEST_F(ConstrainedAnswersTest, EndOnlyWhereTheyMay) {
  NewSequence request = Request(0, RegexConstraint("ab"));
  for (const int32_t end : {3 + 'a', 3 + 'b', 40})
    request.mutable_params()->add_stop_token_ids(end);
  request.mutable_params()->set_min_tokens(50);
  const FinishedSequence answer = Answer(request);
  EXPECT_EQ(answer.finish_reason(), STOP);
  EXPECT_TRUE(Text(request, answer).starts_with("ab")) << Text(request, answer);
}

TEST_F(ConstrainedAnswersTest, StayEndedIfTheEndIsIgnored) {
  NewSequence request = Request(0, RegexConstraint("(ab)*"), 30);
  request.mutable_params()->set_ignore_eos(true);
  const FinishedSequence answer = Answer(request);
  EXPECT_EQ(answer.finish_reason(), LENGTH);
  ASSERT_EQ(answer.token_ids_size(), 30);
  const auto first = std::find(answer.token_ids().begin(), answer.token_ids().end(), kEnd);
  EXPECT_TRUE(std::all_of(first, answer.token_ids().end(), [](int32_t id) { return id == kEnd; }));
  ConstraintAutomaton automaton(request.params().constraint());
  EXPECT_TRUE(automaton.MayBegin(Text(request, answer)));
}

TEST_F(ConstrainedAnswersTest, HaveNoBadWords) {
  NewSequence request = GreedyRequest(0, PromptIds(5, 50), 20);
  const FinishedSequence free = Answer(request);
  const int32_t second = free.token_ids(1);
  TokenList* word = request.mutable_params()->add_bad_words();
  word->add_ids(free.token_ids(0));
  word->add_ids(second);
  const FinishedSequence other = Answer(request);
  EXPECT_EQ(other.token_ids(0), free.token_ids(0));
  EXPECT_NE(other.token_ids(1), second);
  request.mutable_params()->add_bad_words()->add_ids(free.token_ids(0));
  EXPECT_NE(Answer(request).token_ids(0), free.token_ids(0));
}

// A ban that leaves nothing of a constraint does not count.
TEST_F(ConstrainedAnswersTest, KeepTheirOnlyToken) {
  NewSequence request = Request(0, RegexConstraint("\xC3\xA9"));
  request.mutable_params()->add_bad_words()->add_ids(3 + 0xA9);
  for (int32_t id = 0; id < tokenizer_.vocab_size(); ++id) {
    LogitBias& bias = *request.mutable_params()->add_logit_bias();
    bias.set_token_id(id);
    bias.set_bias(100);
  }
  EXPECT_EQ(Text(request, Answer(request)), "\xC3\xA9");
}

// Long texts of many states stay within some memory, and their masks are right.
TEST_F(ConstrainedAnswersTest, ForgetMasksThatTakeTooMuch) {
  constexpr size_t kMostBytes = size_t{8} << 20;
  constexpr size_t kOneAnswer = size_t{4} << 20;
  Constraints constraints(&tokenizer_, 2048, kMostBytes);
  SamplingParams params;
  std::vector<std::unique_ptr<AnswerGuide>> guides;
  for (int i = 0; i < 5; ++i) {
    *params.mutable_constraint() =
        SchemaConstraint(absl::StrCat(R"({"type": "string", "maxLength": )", 10000 + i, "}"));
    guides.push_back(constraints.MakeGuide(params, std::vector<int32_t>{1, 300}));
  }
  std::vector<int32_t> tokens = {3 + '"'};
  size_t greatest = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto& guide = guides[i % 10 == 0 ? 1 + i / 10 % 4 : 0];
    const TokenSet& allowed = guide->Allowed(tokens, /*has_ended=*/false);
    ASSERT_TRUE(allowed.Contains(3 + 'x') && allowed.Contains(3 + '"'));
    ASSERT_FALSE(allowed.Contains(3 + '\n'));
    greatest = std::max(greatest, constraints.bytes());
    tokens.push_back(3 + 'x');
  }
  EXPECT_LT(greatest, kMostBytes + kOneAnswer);
  EXPECT_GT(greatest, kMostBytes / 2);
  guides.clear();
  for (int i = 0; i < 100; ++i) {
    *params.mutable_constraint() = RegexConstraint("a{" + std::to_string(1000 + i) + "}");
    guides.clear();
    guides.push_back(constraints.MakeGuide(params, std::vector<int32_t>{1, 300}));
    EXPECT_TRUE(guides[0]->Allowed({}, /*has_ended=*/false).Contains(3 + 'a'));
    EXPECT_LT(constraints.bytes(), kMostBytes + kOneAnswer);
  }
}

TEST_F(ConstrainedAnswersTest, ShareAndDropTheirMasks) {
  Constraints constraints(&tokenizer_, 2048);
  SamplingParams params;
  std::vector<std::unique_ptr<AnswerGuide>> guides;
  for (int i = 0; i < 100; ++i) {
    *params.mutable_constraint() = RegexConstraint("a{" + std::to_string(1 + i % 40) + "}");
    guides.push_back(constraints.MakeGuide(params, std::vector<int32_t>{1, 300}));
    if (i % 3 == 0) guides.erase(guides.begin());
    for (const auto& guide : guides) {
      EXPECT_TRUE(guide->Allowed({}, /*has_ended=*/false).Contains(3 + 'a'));
    }
  }
}

}  // namespace
}  // namespace octet::engine_runs
