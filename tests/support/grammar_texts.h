// Texts of grammars.

#ifndef OCTET_TESTS_SUPPORT_GRAMMAR_TEXTS_H_
#define OCTET_TESTS_SUPPORT_GRAMMAR_TEXTS_H_

#include <random>
#include <string>
#include <string_view>

#include "runtime/structured/byte_automaton.h"
#include "runtime/structured/constraint.h"

namespace octet {

inline AnswerConstraint RegexConstraint(const std::string& regex) {
  AnswerConstraint constraint;
  constraint.set_regex(regex);
  return constraint;
}

inline AnswerConstraint SchemaConstraint(const std::string& schema) {
  AnswerConstraint constraint;
  constraint.set_json_schema(schema);
  return constraint;
}

inline AnswerConstraint ChoiceConstraint(std::initializer_list<const char*> texts) {
  AnswerConstraint constraint;
  for (const char* text : texts) constraint.mutable_choice()->add_text(text);
  return constraint;
}

inline AnswerConstraint ObjectConstraint() {
  AnswerConstraint constraint;
  constraint.set_json_object(true);
  return constraint;
}

// The automaton of a constraint. Fails the test where there is none.
struct ConstraintAutomaton {
  explicit ConstraintAutomaton(const AnswerConstraint& constraint)
      : grammar(MakeGrammar(constraint).value()), automaton(grammar) {}
  ConstraintAutomaton(const ConstraintAutomaton&) = delete;
  ConstraintAutomaton& operator=(const ConstraintAutomaton&) = delete;

  // Returns the state after the text, or ByteAutomaton::kDead.
  int32_t Read(std::string_view text) {
    int32_t state = automaton.start();
    for (const char c : text) {
      if (state != ByteAutomaton::kDead) state = automaton.Step(state, static_cast<uint8_t>(c));
    }
    return state;
  }

  bool Matches(std::string_view text) {
    const int32_t state = Read(text);
    return state != ByteAutomaton::kDead && automaton.Accepts(state);
  }
  bool MayBegin(std::string_view text) { return Read(text) != ByteAutomaton::kDead; }

  // Returns a text of the grammar, byte by byte at random. After `most` bytes it ends as soon as it
  // can, and takes the bytes that close parts of JSON.
  std::string RandomText(std::mt19937& random, size_t most) {
    std::string text;
    for (int32_t state = automaton.start(); text.size() < 100 * most;) {
      const bool must_end = text.size() >= most;
      std::string bytes;
      for (int byte = 0; byte < 256; ++byte) {
        const auto next = static_cast<uint8_t>(byte);
        if (automaton.Step(state, next) != ByteAutomaton::kDead) bytes += static_cast<char>(byte);
      }
      const bool may_end = automaton.Accepts(state);
      if (may_end && (must_end || bytes.empty() || random() % 4 == 0)) return text;
      if (bytes.empty()) return text + " is stuck";
      char chosen = bytes[random() % bytes.size()];
      for (const char close : {'}', ']', '"'}) {
        const bool is_allowed = bytes.find(close) != std::string::npos;
        if (is_allowed && random() % (must_end ? 2 : 4) == 0) chosen = close;
      }
      text += chosen;
      state = automaton.Step(state, static_cast<uint8_t>(chosen));
    }
    return text + " does not end";
  }

  const Grammar grammar;
  ByteAutomaton automaton;
};

}  // namespace octet

#endif  // OCTET_TESTS_SUPPORT_GRAMMAR_TEXTS_H_
