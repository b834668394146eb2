#include "runtime/engine/draft_scale.h"

#include <gtest/gtest.h>

#include "runtime/engine/prompt_lookup.h"

namespace octet {
namespace {

constexpr DraftLimits kMixtral = {
    .of_sequence = 8, .only_cheap = true, .num_experts = 8, .topk = 2};

// The draft tokens that a step of so many tokens has for one sequence.
int64_t CountDraft(int64_t num_tokens, int num_right) {
  DraftScale scale(kMixtral, num_tokens);
  int64_t n = 0;
  while (n < kMixtral.of_sequence && scale.Take(num_right, n + 1)) ++n;
  return n;
}

// A second token of a step chooses 1.5 more experts, beside the 2 of the first.
TEST(DraftScale, ASequenceAloneGuessesOnlyWhatIsProbable) {
  EXPECT_EQ(CountDraft(1, 0), 0);
  EXPECT_EQ(CountDraft(1, 5), 0);
  EXPECT_GE(CountDraft(1, 6), 1);
  EXPECT_EQ(CountDraft(1, PromptLookup::kWindow), kMixtral.of_sequence);
}

TEST(DraftScale, LessProbableOnesWhereAllExpertsAreReadAnyway) {
  EXPECT_GE(CountDraft(16, 3), 1);
  EXPECT_EQ(CountDraft(16, 0), 0);
}

TEST(DraftScale, FewerWhereArithmeticDecides) {
  for (int num_right = 0; num_right < PromptLookup::kWindow; ++num_right) {
    EXPECT_LE(CountDraft(100, num_right), CountDraft(16, num_right));
    EXPECT_EQ(CountDraft(2048, num_right), 0);
  }
}

TEST(DraftScale, TheMoreProbableTheMore) {
  for (const int64_t num_tokens : {1, 2, 5, 16, 40, 100}) {
    for (int num_right = 1; num_right <= PromptLookup::kWindow; ++num_right) {
      EXPECT_GE(CountDraft(num_tokens, num_right), CountDraft(num_tokens, num_right - 1));
    }
  }
}

TEST(DraftScale, TakesAllWhereCheapOnesAreNotAskedFor) {
  DraftScale scale({.of_sequence = 3, .num_experts = 8, .topk = 2}, 2000);
  for (int n = 1; n < 4; ++n) EXPECT_TRUE(scale.Take(0, n));
}

}  // namespace
}  // namespace octet
