// What a person is told of refused lines.

#include "runtime/batch/refusal_summary.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace octet {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

RequestError Error(const std::string& message, const std::string& code = "invalid_value") {
  return {.message = message, .param = "p", .code = code};
}

TEST(RefusalSummary, NothingToSay) {
  const RefusalSummary summary;
  EXPECT_EQ(summary.lines(), 0);
  EXPECT_EQ(summary.Describe(), "");
  EXPECT_THAT(summary.TopReasons(5), IsEmpty());
}

TEST(RefusalSummary, OneReasonIsOneSentence) {
  RefusalSummary summary;
  summary.Add(3, Error("'stream' must be false"));
  EXPECT_EQ(summary.Describe(), "1 line was refused: 1 x 'stream' must be false (first: line 3)");
  summary.Add(9, Error("'stream' must be false"));
  EXPECT_EQ(summary.Describe(), "2 lines were refused: 2 x 'stream' must be false (first: line 3)");
}

TEST(RefusalSummary, ReasonsAreTheSameButForNumbersAndQuotedTexts) {
  RefusalSummary summary;
  summary.Add(1, Error("'prompt[3]' has 12 tokens; it may have 8"));
  summary.Add(2, Error("'prompt[17]' has 1200 tokens; it may have 8"));
  summary.Add(3, Error("'model' is 'a'; this run serves 'm'"));
  summary.Add(4, Error("'model' is 'b c'; this run serves 'm'"));
  summary.Add(5, Error("'n' must be a number"));
  summary.Add(6, Error("'m' must be a number"));
  summary.Add(7, Error("'m' must be a number", "other_code"));
  summary.Add(8, Error("an open quote ' stays"));
  EXPECT_THAT(summary.TopReasons(10), SizeIs(6));
}

TEST(RefusalSummary, TheMostFrequentFirst) {
  RefusalSummary summary;
  for (int i = 0; i < 8; ++i) {
    for (int line = 0; line <= i; ++line) {
      summary.Add(100 * i + line, Error(absl::StrCat("reason ", std::string(1, 'a' + i))));
    }
  }
  const std::vector<RefusalReason> top = summary.TopReasons(2);
  ASSERT_THAT(top, SizeIs(2));
  EXPECT_EQ(top[0].example.message, "reason h");
  EXPECT_EQ(top[0].lines, 8);
  EXPECT_EQ(top[0].first_line, 700);
  EXPECT_EQ(summary.Describe(),
            "36 lines were refused:\n"
            "  8 x reason h (first: line 700)\n"
            "  7 x reason g (first: line 600)\n"
            "  6 x reason f (first: line 500)\n"
            "  5 x reason e (first: line 400)\n"
            "  4 x reason d (first: line 300)\n"
            "  and 6 more for other reasons");
}

TEST(RefusalSummary, EarlierAttemptsCount) {
  RefusalSummary summary;
  summary.AddEarlier();
  summary.AddEarlier();
  EXPECT_EQ(summary.lines(), 2);
  EXPECT_THAT(summary.Describe(), HasSubstr("2 lines were refused, all by earlier attempts"));
  summary.Add(7, Error("why"));
  EXPECT_EQ(summary.Describe(),
            "3 lines were refused, 2 of them by earlier attempts: 1 x why (first: line 7)");
}

TEST(RefusalSummary, AMillionReasonsAreBounded) {
  RefusalSummary summary;
  for (int64_t i = 0; i < 5000; ++i) {
    std::string name;
    for (int64_t rest = i; rest > 0; rest /= 26) name += static_cast<char>('a' + rest % 26);
    summary.Add(i, Error(absl::StrCat("'", name, "' is unknown")));
  }
  EXPECT_EQ(summary.lines(), 5000);
  EXPECT_THAT(summary.TopReasons(100'000), SizeIs(1000));
  EXPECT_THAT(summary.Describe(), HasSubstr("and 4995 more for other reasons"));
}

// The client chose what stands in a message.
TEST(RefusalSummary, AMessageCannotWriteToTheTerminal) {
  EXPECT_EQ(ShownMessage(Error("'a\x1b[2J\n\tb\xff\xc2\x9b' \u00e9")),
            "'a?[2J?"
            "?b?"
            "?' \u00e9");
  EXPECT_LT(ShownMessage(Error(std::string(100'000, 'x'))).size(), 500U);
}

}  // namespace
}  // namespace octet
