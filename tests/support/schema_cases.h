// Texts that a schema allows, and others.

#ifndef OCTET_TESTS_SUPPORT_SCHEMA_CASES_H_
#define OCTET_TESTS_SUPPORT_SCHEMA_CASES_H_

#include <gtest/gtest.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/grammar_texts.h"

namespace octet {

struct SchemaCase {
  const char* schema;
  std::vector<std::string> texts;
  std::vector<std::string> others;
};

inline void ExpectCases(std::span<const SchemaCase> cases) {
  for (const SchemaCase& c : cases) {
    ConstraintAutomaton automaton(SchemaConstraint(c.schema));
    for (const std::string& text : c.texts) {
      EXPECT_TRUE(automaton.Matches(text)) << c.schema << "\n" << text;
    }
    for (const std::string& text : c.others) {
      EXPECT_FALSE(automaton.Matches(text)) << c.schema << "\n" << text;
    }
  }
}

// Expects that the schema is refused with a message that contains `message`.
inline void ExpectRefused(const std::string& schema, const std::string& message) {
  const absl::StatusOr<Grammar> grammar = MakeGrammar(SchemaConstraint(schema));
  ASSERT_FALSE(grammar.ok()) << schema;
  EXPECT_NE(std::string(grammar.status().message()).find(message), std::string::npos)
      << schema << "\n"
      << grammar.status();
}

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_SCHEMA_CASES_H_
