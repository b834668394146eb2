#include "runtime/model/end_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class EndTokensTest : public testing::Test {
 protected:
  std::vector<int32_t> Join(const std::vector<NamedTokens>& files,
                            const std::vector<int32_t>& otherwise = {}) {
    warnings_.clear();
    return JoinEndTokens(files, otherwise, 100, warnings_);
  }
  std::vector<std::string> warnings_;
};

TEST_F(EndTokensTest, AllThatAnyFileNames) {
  EXPECT_THAT(Join({{"a", 1, {2}}, {"b", 1, {2}}, {"c", {}, {}}}), ElementsAre(2));
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_THAT(Join({{"a", 1, {50}}, {"b", 1, {3, 2}}, {"c", 1, {50}}}), ElementsAre(2, 3, 50));
  EXPECT_THAT(warnings_, ElementsAre("the model's files disagree on the tokens that end an answer: "
                                     "a says 50, b 2, 3, c 50; each of 2, 3, 50 does"));
}

TEST_F(EndTokensTest, WhereNoFileNamesOne) {
  EXPECT_THAT(Join({{"a", {}, {}}, {"b", {}, {}}}, {2}), ElementsAre(2));
  EXPECT_THAT(warnings_, IsEmpty());
  EXPECT_THAT(Join({{"a", {}, {}}}), IsEmpty());
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("no file of the model names a token that ends")));
  EXPECT_THAT(Join({}, {100}), IsEmpty());
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("no file of the model names a token that ends")));
}

TEST_F(EndTokensTest, WhatTheVocabularyHasNotIsLeftOut) {
  EXPECT_THAT(Join({{"a", {}, {2, 100}}, {"b", {}, {2, 7000}}}), ElementsAre(2));
  EXPECT_THAT(
      warnings_,
      ElementsAre("a: eos_token_id 100 is not below vocab_size, 100, so no answer ends with "
                  "it",
                  HasSubstr("b: eos_token_id 7000 is not below"), HasSubstr("disagree")));
  EXPECT_THAT(Join({{"a", {}, {100}}}, {2}), IsEmpty());
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("a: eos_token_id 100"), HasSubstr("no file")));
}

TEST_F(EndTokensTest, FilesThatDisagreeOnTheFirstToken) {
  EXPECT_THAT(Join({{"a", 5, {2}}, {"b", {}, {2}}, {"the tokenizer", 1, {2}}}), ElementsAre(2));
  EXPECT_THAT(warnings_,
              ElementsAre("the model's files disagree on the first token of a text: a "
                          "says 5, the tokenizer 1; the tokenizer's counts, where there is one"));
}

}  // namespace
}  // namespace octet
