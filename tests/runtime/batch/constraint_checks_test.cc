#include "runtime/batch/constraint_checks.h"

#include <absl/strings/str_cat.h>

#include "tests/support/batch_request_fixture.h"
#include "tests/support/grammar_texts.h"

namespace octet::request_lines {
namespace {

TEST(ConstraintChecks, MakeTheGrammarsOfDifferentConstraints) {
  ConstraintChecks checks;
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(checks.Check(SchemaConstraint(R"({"type": "null"})")).ok());
    EXPECT_TRUE(checks.Check(RegexConstraint(R"({"type": "null"})")).ok());
    const absl::Status refused = checks.Check(SchemaConstraint(R"({"contains": {}})"));
    EXPECT_TRUE(absl::IsUnimplemented(refused)) << refused;
    EXPECT_EQ(checks.num_made(), 3);
  }
}

TEST(ConstraintChecks, ForgetWhatWasNotUsedForTheLongestTime) {
  ConstraintChecks checks;
  const auto check = [&checks](size_t i) {
    EXPECT_TRUE(checks.Check(RegexConstraint(absl::StrCat("a", i))).ok());
  };
  for (size_t i = 0; i < ConstraintChecks::kMostKnown; ++i) check(i);
  check(0);
  check(100);  // in the place of 1
  check(0);
  EXPECT_EQ(checks.num_made(), ConstraintChecks::kMostKnown + 1);
  check(1);
  EXPECT_EQ(checks.num_made(), ConstraintChecks::kMostKnown + 2);
}

TEST(ConstraintChecks, StayWithinTheirBytes) {
  ConstraintChecks checks;
  AnswerConstraint constraint;
  for (const size_t size : {ConstraintChecks::kMostBytes / 2, ConstraintChecks::kMostBytes / 3,
                            ConstraintChecks::kMostBytes / 4, ConstraintChecks::kMostBytes * 2}) {
    constraint.set_json_schema(std::string(size, ' '));
    EXPECT_FALSE(checks.Check(constraint).ok());
    EXPECT_LE(checks.bytes(), ConstraintChecks::kMostBytes);
    EXPECT_GT(checks.bytes(), 0U);
  }
}

TEST_F(BatchRequestFixture, EqualConstraintsOfLinesAreCheckedOnce) {
  ConstraintChecks checks;
  limits_.checks = &checks;
  for (int i = 0; i < 3; ++i) {
    Accept(CompletionsWith(R"("guided_json": {"type": "null"})"));
    Accept(ChatWith(R"("structured_outputs": {"json": {"type": "null"}})"));
    ExpectRefused(CompletionsWith(R"("guided_json": {"contains": {}})"), "guided_json",
                  "unsupported_value", "keyword \"contains\" is not supported");
  }
  EXPECT_EQ(checks.num_made(), 2);
}

}  // namespace
}  // namespace octet::request_lines
