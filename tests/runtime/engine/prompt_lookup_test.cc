#include "runtime/engine/prompt_lookup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace octet {
namespace {

using testing::ElementsAre;

// The tokens that follow by a lookup to which all but the first `num_prompt` tokens came one by
// one; none where it has no guess.
std::vector<int32_t> Guess(std::vector<int32_t> tokens, size_t num_prompt, int64_t count) {
  PromptLookup lookup;
  for (size_t n = num_prompt + 1; n <= tokens.size(); ++n) {
    lookup.Add(std::span<const int32_t>(tokens).first(n));
  }
  if (!lookup.has_guess()) return {};
  const size_t before = tokens.size();
  lookup.AddDraft(count, tokens);
  return {tokens.begin() + static_cast<int64_t>(before), tokens.end()};
}

TEST(PromptLookup, GoesOnAsAfterTheSameTokens) {
  EXPECT_THAT(Guess({1, 2, 3, 4, 5, 6, 1, 2}, 7, 3), ElementsAre(3, 4, 5));
  EXPECT_THAT(Guess({1, 2, 3, 4, 5, 6, 1, 2, 3}, 7, 3), ElementsAre(4, 5, 6));
  EXPECT_THAT(Guess({1, 2, 3, 4, 5}, 4, 3), ElementsAre());
  EXPECT_THAT(Guess({1, 2, 3, 1}, 3, 3), ElementsAre()) << "one token alike is too few";
  EXPECT_THAT(Guess({7}, 0, 3), ElementsAre());
}

TEST(PromptLookup, PrefersTheLongestThenTheLatest) {
  EXPECT_THAT(Guess({9, 1, 2, 3, 8, 1, 2, 4, 9, 1, 2}, 10, 1), ElementsAre(3));
  EXPECT_THAT(Guess({1, 2, 3, 8, 1, 2, 4, 9, 1, 2}, 9, 1), ElementsAre(4));
}

TEST(PromptLookup, WhatReachesTheEndGoesOnWithItself) {
  EXPECT_THAT(Guess({5, 5, 5}, 2, 4), ElementsAre(5, 5, 5, 5));
  EXPECT_THAT(Guess({1, 2, 1, 2}, 3, 5), ElementsAre(1, 2, 1, 2, 1));
}

// A wrong guess is followed by a new search, a right one by the next token.
TEST(PromptLookup, CountsTheLatestGuesses) {
  std::vector<int32_t> tokens = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2};
  PromptLookup lookup;
  lookup.Add(tokens);
  EXPECT_EQ(lookup.num_right(), 0);
  for (const int32_t token : {3, 4, 5}) {
    tokens.push_back(token);
    lookup.Add(tokens);
  }
  EXPECT_EQ(lookup.num_right(), 3);
  tokens.push_back(77);
  lookup.Add(tokens);
  EXPECT_FALSE(lookup.has_guess());
  EXPECT_EQ(lookup.num_right(), 3);
  for (int i = 0; i < PromptLookup::kWindow; ++i) {
    tokens.push_back(100 + i);
    lookup.Add(tokens);
  }
  EXPECT_EQ(lookup.num_right(), 3) << "no guess is no wrong guess";
  tokens.insert(tokens.end(), {50, 50, 50});
  for (int i = 0; i < 2 * PromptLookup::kWindow; ++i) {
    lookup.Add(tokens);
    tokens.push_back(50);
  }
  EXPECT_EQ(lookup.num_right(), PromptLookup::kWindow);
}

// Against a search for the latest place with most of the last tokens alike.
TEST(PromptLookup, FindsWhatASearchFinds) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    std::vector<int32_t> tokens(2 + random() % 40);
    for (int32_t& token : tokens) token = static_cast<int32_t>(random() % 3);
    const auto size = std::ssize(tokens);
    int64_t best = PromptLookup::kLeastAlike - 1;
    int64_t place = -1;
    for (int64_t end = 1; end < size; ++end) {
      int64_t alike = 0;
      while (alike < std::min(end, PromptLookup::kMostAlike) &&
             tokens[end - 1 - alike] == tokens[size - 1 - alike]) {
        ++alike;
      }
      if (alike >= std::max(best, PromptLookup::kLeastAlike)) {
        best = alike;
        place = end;
      }
    }
    const std::vector<int32_t> guess = Guess(tokens, size - 1, 1);
    ASSERT_EQ(guess.empty(), place < 0);
    if (place < 0) continue;
    ASSERT_THAT(guess, ElementsAre(tokens[place]));
  }
}

}  // namespace
}  // namespace octet
