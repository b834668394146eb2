#include "runtime/text/added_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/text/word_character.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Stretches as "text" or "[id:text]".
std::vector<std::string> Split(const std::vector<AddedToken>& tokens, const std::string& text,
                               const std::vector<RenderedText::Range>& from_outside = {}) {
  std::vector<std::string> shown;
  for (const auto& [id, begin, end] : AddedTokenFinder(tokens).Split(text, from_outside)) {
    const std::string part = text.substr(begin, end - begin);
    shown.push_back(id < 0 ? part : "[" + std::to_string(id) + ":" + part + "]");
  }
  return shown;
}

AddedToken Token(const std::string& content, int32_t id) { return {.content = content, .id = id}; }

TEST(AddedTokenFinder, CutsATextAtItsTokens) {
  const std::vector<AddedToken> tokens = {Token("<s>", 1), Token("</s>", 2)};
  EXPECT_THAT(Split(tokens, "a<s> b</s></s>"),
              ElementsAre("a", "[1:<s>]", " b", "[2:</s>]", "[2:</s>]"));
  EXPECT_THAT(Split(tokens, "<s"), ElementsAre("<s"));
  EXPECT_THAT(Split(tokens, ""), IsEmpty());
  EXPECT_THAT(Split({}, "<s>"), ElementsAre("<s>"));
}

TEST(AddedTokenFinder, TakesTheLongestOfThoseThatBeginAtOnePlace) {
  const std::vector<AddedToken> tokens = {Token("ab", 1), Token("abcd", 2), Token("bcde", 3)};
  EXPECT_THAT(Split(tokens, "abcde"), ElementsAre("[2:abcd]", "e"));
  EXPECT_THAT(Split(tokens, "abcx"), ElementsAre("[1:ab]", "cx"));
}

TEST(AddedTokenFinder, TakesTheSpaceThatItsFlagsAskFor) {
  AddedToken left = Token("<L>", 1);
  left.lstrip = true;
  AddedToken right = Token("<R>", 2);
  right.rstrip = true;
  EXPECT_THAT(Split({left, right}, "a \n<L> b <R>\u00a0\u3000c"),
              ElementsAre("a", "[1: \n<L>]", " b ", "[2:<R>\u00a0\u3000]", "c"));
  EXPECT_THAT(Split({left, right}, "<R>  <L> <L>"),
              ElementsAre("[2:<R>  ]", "[1:<L>]", "[1: <L>]"));
}

TEST(AddedTokenFinder, AWordOfItsOwnHasNoWordBesideIt) {
  AddedToken word = Token("cat", 1);
  word.single_word = true;
  EXPECT_THAT(Split({word}, "cat"), ElementsAre("[1:cat]"));
  EXPECT_THAT(Split({word}, "a cat."), ElementsAre("a ", "[1:cat]", "."));
  for (const char* text : {"cats", "bobcat", "cat1", "_cat", "caté", "écat", "cat中"}) {
    EXPECT_THAT(Split({word}, text), ElementsAre(text));
  }
}

TEST(AddedTokenFinder, ASpellingFromOutsideIsText) {
  const std::vector<AddedToken> tokens = {Token("<s>", 1), Token("<s>>", 2)};
  const std::string text = "<s><s><s>";
  EXPECT_THAT(Split(tokens, text, {{3, 6}}), ElementsAre("[1:<s>]", "<s>", "[1:<s>]"));
  EXPECT_THAT(Split(tokens, text, {{2, 4}}), ElementsAre("<s><s>", "[1:<s>]"));
  EXPECT_THAT(Split(tokens, text, {{8, 9}}), ElementsAre("[1:<s>]", "[1:<s>]", "<s>"));
  EXPECT_THAT(Split(tokens, text, {{0, 1}, {5, 6}}), ElementsAre("<s><s>", "[1:<s>]"));
  // A longer spelling that reaches into it leaves the shorter one.
  EXPECT_THAT(Split(tokens, "<s>>", {{3, 4}}), ElementsAre("[1:<s>]", ">"));
}

TEST(WordCharacter, KnowsScripts) {
  for (const char32_t c : {U'a', U'Z', U'0', U'_', U'é', U'я', U'中', U'ก', U'\u0301', U'\u200d'}) {
    EXPECT_TRUE(IsWordCharacter(c)) << static_cast<uint32_t>(c);
  }
  for (const char32_t c : {U' ', U'-', U'.', U'\u00a0', U'«', U'。', U'€', U'\U0001F600'}) {
    EXPECT_FALSE(IsWordCharacter(c)) << static_cast<uint32_t>(c);
  }
  EXPECT_TRUE(IsUnicodeSpace(U'\u2003'));
  EXPECT_FALSE(IsUnicodeSpace(U'\u200b'));
}

}  // namespace
}  // namespace octet
