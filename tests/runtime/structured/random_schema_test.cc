#include "tests/support/random_schema.h"

#include <absl/strings/str_cat.h>
#include <gtest/gtest.h>

#include "runtime/io/strict_json.h"
#include "tests/support/grammar_texts.h"
#include "tests/support/sanitized.h"
#include "tests/support/schema_validator.h"

namespace octet {
namespace {

TEST(RandomSchemas, GiveOnlyValidTexts) {
  constexpr uint32_t kSchemas = kSanitized ? 200 : 2000;
  constexpr int kTexts = 5;
  std::mt19937 random(1);
  int refused = 0;
  for (uint32_t seed = 0; seed < kSchemas; ++seed) {
    const nlohmann::ordered_json schema = RandomSchema(seed).Make();
    const AnswerConstraint constraint = SchemaConstraint(schema.dump());
    const absl::StatusOr<Grammar> grammar = MakeGrammar(constraint);
    if (!grammar.ok()) {
      EXPECT_EQ(grammar.status().message(), "allows no answer at all") << schema.dump();
      ++refused;
      continue;
    }
    ConstraintAutomaton automaton(constraint);
    for (int i = 0; i < kTexts; ++i) {
      const std::string text = automaton.RandomText(random, 200);
      // Members that the schema does not name may repeat; a parser then takes the last.
      const auto value = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
      ASSERT_FALSE(value.is_discarded()) << schema.dump() << "\n" << text;
      ASSERT_TRUE(IsValidBySchema(value, schema, schema)) << schema.dump() << "\n" << text;
    }
  }
  EXPECT_LT(refused, static_cast<int>(kSchemas / 20));
}

// Texts are valid JSON whatever the object has.
TEST(RandomSchemas, AnyObjectIsJson) {
  ConstraintAutomaton automaton(ObjectConstraint());
  std::mt19937 random(2);
  for (int i = 0; i < 300; ++i) {
    const std::string text = automaton.RandomText(random, 300);
    const auto value = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    ASSERT_TRUE(value.is_object()) << text;
  }
}

}  // namespace
}  // namespace octet
