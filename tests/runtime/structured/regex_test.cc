#include "runtime/structured/regex.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "tests/support/grammar_texts.h"

namespace octet {
namespace {

using testing::HasSubstr;

struct RegexCase {
  const char* regex;
  std::vector<std::string> texts;
  std::vector<std::string> others;
};

const RegexCase kRegexCases[] = {
    {"", {""}, {"a"}},
    {"abc", {"abc"}, {"ab", "abcd", ""}},
    {R"(\w+@\w+\.com\n)",
     {"a@b.com\n", "x_1@Y2.com\n"},
     {"a@b.com", "a@b!com\n", "\xC3\xA9@b.com\n"}},
    {"a*", {"", "aaaa"}, {"b"}},
    {"(a|b)+c?", {"a", "abc", "bbb"}, {"", "c", "acc"}},
    {"a{2}b{1,}c{0,2}", {"aab", "aabbbcc"}, {"ab", "aaccc", "aabccc"}},
    {"^a$", {"a"}, {"a\n"}},
    {R"(\Aa|b\Z)", {"a", "b"}, {"ab"}},
    {"(?:x|(?P<n>y)|(?<m>z))*?", {"", "xyz"}, {"w"}},
    {"[a-c-]", {"a", "b", "c", "-"}, {"d", ""}},
    {"[^a-c]", {"d", "\n", "\xF0\x9F\x98\x80", "\xC3\xA9"}, {"a", "dd", "\xC3", "\xED\xA0\x80"}},
    {"[\\d.]+", {"1.5"}, {"a", "\xD9\xA1"}},
    {".", {"a", "\xE2\x82\xAC"}, {"\n", "\r", "\xE2\x80\xA8"}},
    {R"(\s\S)", {" x", "\t\xC3\xA9"}, {"x ", " \xC2\xA0", " \x1C"}},
    {R"([^\s\d])", {"x"}, {"1", "\xD9\xA1", "\x85"}},
    {R"(\x41\u00e9\ud83d\ude00\/\-)", {"A\xC3\xA9\xF0\x9F\x98\x80/-"}, {"A"}},
    {"a{,b{x}", {"a{,b{x}"}, {"a"}},
    {"[\xC3\xA9-\xF0\x9F\x98\x80]", {"\xC3\xA9", "\xE2\x82\xAC"}, {"e", "\xF0\x9F\x98\x81"}},
    {"(|a)(b|)", {"", "a", "b", "ab"}, {"ba"}},
    {"(a*)*b", {"b", "aab"}, {"a"}},
    {"a{0,1000}", {"", std::string(1000, 'a')}, {std::string(1001, 'a')}},
    {"(a|b)*a(a|b){15}", {"a" + std::string(15, 'b')}, {std::string(16, 'b')}},
};

TEST(Regex, MatchesWholeTexts) {
  for (const RegexCase& c : kRegexCases) {
    ConstraintAutomaton automaton(RegexConstraint(c.regex));
    for (const std::string& text : c.texts) EXPECT_TRUE(automaton.Matches(text)) << c.regex << text;
    for (const std::string& text : c.others) {
      EXPECT_FALSE(automaton.Matches(text)) << c.regex << " " << text;
    }
  }
}

TEST(Regex, NamesWhatItDoesNotFollow) {
  const std::pair<const char*, const char*> cases[] = {
      {"(?=a)b", "has a lookaround, a flag or the like at character 3"},
      {"(?<!a)b", "has a lookaround"},
      {"(?i)b", "has a lookaround, a flag"},
      {"(a)\\1", "has the escape \\1, which is not supported, at character 5"},
      {"\\bword", "has the escape \\b"},
      {"\\p{L}", "has the escape \\p"},
      {"a++", "has a possessive or a second quantifier"},
      {"(a", "has '(' without ')'"},
      {"a)", "has ')' without '('"},
      {"[a", "has '[' without ']'"},
      {"[]", "has a class that begins with ']'"},
      {"[b-a]", "has a range in the wrong order"},
      {"*a", "has a quantifier after nothing at character 1"},
      {"a{3,2}", "counts are in the wrong order"},
      {"a{2000000}", "has a count above 1000000"},
      {"a\\", "ends with a backslash"},
      {"\\u12", "has an escape with too few digits"},
      {"\\ud800", "has half of a surrogate pair"},
      {"a^b", "has an anchor inside"},
      {"(a$)*", "has an anchor inside"},
      {"^*a", "has a quantifier of an anchor"},
      {"(.*a){100000}", "is too large"},
      {".*a.{20000}", "is too large"},
      {"((a{0,1000}b){0,1000}c){0,1000}", "is too large"},
      {"[^\\s\\S]", "allows no answer at all"},
  };
  for (const auto& [regex, message] : cases) {
    const absl::StatusOr<Grammar> grammar = MakeGrammar(RegexConstraint(regex));
    ASSERT_FALSE(grammar.ok()) << regex;
    EXPECT_THAT(std::string(grammar.status().message()), HasSubstr(message)) << regex;
  }
  const std::string nested = std::string(5000, '(') + std::string(5000, ')');
  EXPECT_THAT(std::string(MakeGrammar(RegexConstraint(nested)).status().message()),
              HasSubstr("has too many groups in each other"));
}

std::string RandomRegex(std::mt19937& random, int depth) {
  const auto part = [&] { return RandomRegex(random, depth - 1); };
  switch (depth == 0 ? random() % 4 : random() % 9) {
    case 0:
      return "a";
    case 1:
      return "b";
    case 2:
      return "[ac]";
    case 3:
      return "[^a]";
    case 4:
      return absl::StrCat("(", part(), ")*");
    case 5:
      return absl::StrCat("(", part(), "){", random() % 2, ",", 1 + random() % 3, "}");
    case 6:
      return absl::StrCat("(", part(), "|", part(), ")");
    case 7:
      return absl::StrCat("(", part(), ")?");
    default:
      return part() + part();
  }
}

void AddTexts(const std::string& text, size_t left, std::vector<std::string>& texts) {
  texts.push_back(text);
  if (left == 0) return;
  for (const char c : {'a', 'b', 'c'}) AddTexts(text + c, left - 1, texts);
}

TEST(Regex, MatchesWhatTheStandardLibraryMatches) {
  std::vector<std::string> texts;
  AddTexts("", 5, texts);
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    const std::string regex = RandomRegex(random, 3);
    const std::regex expected(regex);
    ConstraintAutomaton automaton(RegexConstraint(regex));
    for (const std::string& text : texts) {
      ASSERT_EQ(automaton.Matches(text), std::regex_match(text, expected)) << regex << " " << text;
    }
  }
}

TEST(Regex, SearchesAsAPatternDoes) {
  const char* patterns[] = {"a", "^a", "a$", "^a$",    "^a|b$", "(^a|b)c", "^(a|b)$",
                            "",  "^",  "^$", "(a|^b)", "ab?c",  "^a*$"};
  std::vector<std::string> texts;
  AddTexts("", 4, texts);
  for (const char* pattern : patterns) {
    const std::regex expected(pattern);
    ConstraintAutomaton automaton(
        SchemaConstraint(absl::StrCat(R"({"type": "string", "pattern": ")", pattern, "\"}")));
    for (const std::string& text : texts) {
      EXPECT_EQ(automaton.Matches("\"" + text + "\""), std::regex_search(text, expected))
          << pattern << " " << text;
    }
  }
}

}  // namespace
}  // namespace octet
