#include "runtime/structured/token_masks.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "runtime/text/streaming_decoder.h"
#include "tests/support/demo_model.h"
#include "tests/support/grammar_texts.h"
#include "tests/support/sanitized.h"

namespace octet {
namespace {

std::vector<AnswerConstraint> TriedConstraints() {
  return {ChoiceConstraint({"positive", "negative", "neither nor"}),
          RegexConstraint(R"(\w+@\w+\.com\n)"),
          RegexConstraint(".*"),
          RegexConstraint("( [a-z]+){1,5}\\."),
          RegexConstraint("(a|the|[a-z]{3,}){20,40}!"),
          SchemaConstraint(R"({"type": "string", "minLength": 20, "maxLength": 45})"),
          RegexConstraint("[\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80]+"),
          ObjectConstraint(),
          SchemaConstraint(R"({"type": "object", "properties": {"brand": {"type": "string"},
              "model": {"type": "string", "maxLength": 12}, "car_type": {"enum": ["sedan", "SUV"]},
              "year": {"type": "integer", "minimum": 1990, "maximum": 2030},
              "tags": {"type": "array", "items": {"$ref": "#/$defs/tag"}}},
              "required": ["brand", "car_type"],
              "$defs": {"tag": {"anyOf": [{"type": "null"}, {"$ref": "#"}]}}})")};
}

class TokenMasksTest : public testing::Test {
 protected:
  static constexpr int64_t kVocabSize = 2048;

  // The tokens after which some text of the constraint is still possible, found one by one.
  static std::vector<int32_t> FindByTrial(ConstraintAutomaton& automaton, const std::string& text,
                                          const std::vector<std::string>& token_bytes) {
    std::vector<int32_t> allowed;
    for (size_t id = 0; id < token_bytes.size(); ++id) {
      if (token_bytes[id].empty() || !automaton.MayBegin(text + token_bytes[id])) continue;
      allowed.push_back(static_cast<int32_t>(id));
    }
    return allowed;
  }

  static std::vector<int32_t> Tokens(const TokenSet& set) {
    std::vector<int32_t> tokens;
    for (int32_t id = 0; id < kVocabSize; ++id) {
      if (set.Contains(id)) tokens.push_back(id);
    }
    return tokens;
  }

  Tokenizer tokenizer_ = DemoTokenizer();
  TokenSpellings texts_{tokenizer_, kVocabSize};
};

TEST_F(TokenMasksTest, AreThoseFoundByTrial) {
  std::mt19937 random(1);
  for (const AnswerConstraint& constraint : TriedConstraints()) {
    ConstraintAutomaton automaton(constraint);
    TokenMasks masks(MakeGrammar(constraint).value(), texts_);
    for (int answer = 0; answer < (kSanitized ? 2 : 12); ++answer) {
      const bool at_start = answer % 2 == 0;
      TokenMasks::Place place;
      std::vector<int32_t> tokens;
      std::string text;
      for (int i = 0; i < 30; ++i) {
        masks.Read(tokens, at_start, place);
        const auto& bytes = at_start && i == 0 ? texts_.bytes_at_start : texts_.bytes;
        const std::vector<int32_t> allowed = Tokens(masks.Allowed(place, at_start));
        ASSERT_EQ(allowed, FindByTrial(automaton, text, bytes)) << text;
        ASSERT_EQ(masks.MayEnd(place), automaton.Matches(text)) << text;
        ASSERT_TRUE(!allowed.empty() || masks.MayEnd(place)) << text;
        if (allowed.empty()) break;
        tokens.push_back(allowed[random() % allowed.size()]);
        text += bytes[tokens.back()];
      }
      StreamingDecoder decoder(tokenizer_,
                               at_start ? std::vector<int32_t>{1} : std::vector<int32_t>{1, 300});
      std::string decoded;
      for (const int32_t token : tokens) decoded += decoder.Add(token);
      EXPECT_TRUE(text.starts_with(decoded)) << text;
    }
  }
}

TEST_F(TokenMasksTest, AreTheSameWhenAllIsForgottenNowAndThen) {
  for (const AnswerConstraint& constraint : TriedConstraints()) {
    TokenMasks masks(MakeGrammar(constraint).value(), texts_);
    TokenMasks forgetful(MakeGrammar(constraint).value(), texts_);
    std::mt19937 random(2);
    TokenMasks::Place place;
    TokenMasks::Place other;
    std::vector<int32_t> tokens;
    for (int i = 0; i < 20; ++i) {
      masks.Read(tokens, /*at_start=*/false, place);
      forgetful.Forget();
      forgetful.Read(tokens, /*at_start=*/false, other);
      const std::vector<int32_t> allowed = Tokens(masks.Allowed(place, false));
      ASSERT_EQ(Tokens(forgetful.Allowed(other, false)), allowed);
      ASSERT_EQ(forgetful.MayEnd(other), masks.MayEnd(place));
      if (allowed.empty()) break;
      tokens.push_back(allowed[random() % allowed.size()]);
    }
  }
}

// Whatever is forgotten while an answer is read, the masks are the same.
TEST_F(TokenMasksTest, ForgetStatesThatTakeTooMuch) {
  for (const AnswerConstraint& constraint : TriedConstraints()) {
    TokenMasks masks(MakeGrammar(constraint).value(), texts_);
    TokenMasks small(MakeGrammar(constraint).value(), texts_, /*most_state_bytes=*/20'000);
    std::mt19937 random(3);
    TokenMasks::Place place;
    TokenMasks::Place other;
    std::vector<int32_t> tokens;
    for (int i = 0; i < 100; ++i) {
      masks.Read(tokens, /*at_start=*/false, place);
      small.Read(tokens, /*at_start=*/false, other);
      const std::vector<int32_t> allowed = Tokens(masks.Allowed(place, false));
      ASSERT_EQ(Tokens(small.Allowed(other, false)), allowed);
      ASSERT_EQ(small.MayEnd(other), masks.MayEnd(place));
      if (allowed.empty()) break;
      tokens.push_back(allowed[random() % allowed.size()]);
    }
  }
  constexpr size_t kMostBytes = size_t{1} << 18;
  TokenMasks masks(
      MakeGrammar(SchemaConstraint(R"({"type": "string", "maxLength": 9000})")).value(), texts_,
      kMostBytes);
  std::vector<int32_t> tokens(1, 3 + '"');
  tokens.resize(9000, 3 + 'x');
  TokenMasks::Place place;
  masks.Read(tokens, /*at_start=*/false, place);
  EXPECT_GT(place.era, 5);
  EXPECT_LT(masks.bytes(), 2 * kMostBytes);
  tokens.push_back(3 + 'x');
  tokens.push_back(3 + 'x');
  EXPECT_DEATH(masks.Read(tokens, /*at_start=*/false, place), "is not allowed");
}

// Where counts mean nothing to a token, no further mask is found.
TEST_F(TokenMasksTest, OfLongTextsAreFew) {
  TokenMasks masks(
      MakeGrammar(SchemaConstraint(R"({"type": "string", "minLength": 1000, "maxLength": 5000})"))
          .value(),
      texts_);
  TokenMasks::Place place;
  std::vector<int32_t> tokens = {3 + '"'};
  for (int i = 0; i < 5000; ++i) {
    masks.Read(tokens, /*at_start=*/false, place);
    const TokenSet& allowed = masks.Allowed(place, /*at_start=*/false);
    ASSERT_EQ(allowed.Contains(3 + '"'), i >= 1000) << i;
    ASSERT_TRUE(allowed.Contains(3 + 'x')) << i;
    tokens.push_back(3 + 'x');
  }
  masks.Read(tokens, /*at_start=*/false, place);
  EXPECT_EQ(Tokens(masks.Allowed(place, /*at_start=*/false)), std::vector<int32_t>{3 + '"'});
  EXPECT_LT(masks.num_masks(), 100);
}

TEST_F(TokenMasksTest, NeverHaveSpecialTokens) {
  TokenMasks masks(MakeGrammar(RegexConstraint("(.|\n|\r)*")).value(), texts_);
  TokenMasks::Place place;
  masks.Read({}, /*at_start=*/true, place);
  const TokenSet allowed = masks.Allowed(place, /*at_start=*/true);
  for (int32_t id = 0; id < 3; ++id) EXPECT_FALSE(allowed.Contains(id)) << id;
  EXPECT_TRUE(allowed.Contains(3 + 'a'));
  EXPECT_TRUE(allowed.Contains(3 + 0xC3));
  EXPECT_FALSE(allowed.Contains(3 + 0x80)) << "it begins no character";
}

TEST_F(TokenMasksTest, LeaveOutTokensBeyondTheModel) {
  const TokenSpellings few(tokenizer_, 300);
  const TokenSpellings many(tokenizer_, kVocabSize + 100);
  EXPECT_EQ(few.bytes.size(), 300U);
  EXPECT_EQ(many.bytes[kVocabSize + 50], "");
  EXPECT_TRUE(HasTokenOfEachByte(tokenizer_, kVocabSize));
  EXPECT_FALSE(HasTokenOfEachByte(tokenizer_, 200));
}

}  // namespace
}  // namespace octet
