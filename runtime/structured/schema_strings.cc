#include "runtime/structured/schema_strings.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

#include "runtime/io/strict_json.h"
#include "runtime/structured/grammar_product.h"
#include "runtime/structured/json_grammar.h"
#include "runtime/structured/regex_lookaheads.h"
#include "runtime/structured/string_formats.h"

namespace octet {
namespace {

using Node = Grammar::Node;

// The most bytes of texts that a rule excludes beside others.
constexpr size_t kMostExcludedBytes = 10'000;

int32_t CountOf(int64_t length) {
  return length == kNoRegexLimit ? Grammar::kNoLimit : static_cast<int32_t>(length);
}

absl::StatusOr<Node> AddPattern(const TextPattern& pattern, JsonGrammar& json) {
  const RegexUse use = {
      .write = [&json](const CodePoints& set) { return json.Character(set); },
      .is_search = pattern.is_search,
      .reading = pattern.is_excluded ? RegexReading::kInAnyDialect : RegexReading::kInAllDialects};
  absl::StatusOr<Node> node = AddRegex(pattern.regex, use, json.grammar());
  if (node.ok()) return node;
  return InvalidKeyword(pattern.keyword, std::string(node.status().message()));
}

Grammar AnyOfLength(const RegexLengths& lengths) {
  Grammar alone;
  JsonGrammar json(/*is_compact=*/true, alone);
  const Node character = json.Character(CodePoints().Complement());
  alone.Finish(alone.Repeat(character, CountOf(lengths.least), CountOf(lengths.most)));
  return alone;
}

int64_t CountCharacters(const std::string& utf8) {
  return std::count_if(utf8.begin(), utf8.end(),
                       [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; });
}

// Returns the text as JSON spells it, without quotes.
std::string SpelledInJson(const std::string& text) {
  const std::string quoted = Schema(text).dump();
  return quoted.substr(1, quoted.size() - 2);
}

Grammar OneOf(const std::vector<std::string>& texts) {
  Grammar alone;
  std::vector<Node> nodes;
  nodes.reserve(texts.size());
  for (const std::string& text : texts) nodes.push_back(alone.Text(SpelledInJson(text)));
  alone.Finish(alone.Choice(nodes));
  return alone;
}

void AddPatterns(const Schema& plain, const char* keyword, std::vector<TextPattern>& patterns) {
  const Schema* list = FindKeyword(plain, keyword);
  if (list == nullptr) return;
  const bool is_excluded = keyword == std::string_view(kNotPattern);
  for (const Schema& regex : *list) {
    const auto& text = regex.get_ref<const std::string&>();
    std::vector<RegexPart> parts = {{.regex = text}};
    if (!is_excluded) parts = SplitLookaheads(text);
    for (const RegexPart& part : parts) {
      patterns.push_back({.keyword = "pattern",
                          .regex = part.regex,
                          .is_search = true,
                          .is_excluded = part.is_excluded || is_excluded});
    }
  }
}

}  // namespace

absl::Status UnknownFormat(const std::string& name) {
  return InvalidKeyword("format",
                        absl::StrCat("has ", Quoted(Shortened(name)), ", which is not supported"));
}

absl::StatusOr<TextRule> TextRuleOf(const Schema& plain) {
  TextRule rule;
  if (const Schema* least = FindKeyword(plain, "minLength")) {
    rule.lengths.least = least->get<int64_t>();
  }
  if (const Schema* most = FindKeyword(plain, "maxLength"))
    rule.lengths.most = most->get<int64_t>();
  if (const Schema* values = FindKeyword(plain, kNotEnum)) {
    for (const Schema& value : *values) {
      if (value.is_string()) rule.is_none_of.push_back(value.get<std::string>());
    }
  }
  AddPatterns(plain, "pattern", rule.patterns);
  AddPatterns(plain, kNotPattern, rule.patterns);
  if (const Schema* formats = FindKeyword(plain, "format")) {
    for (const Schema& format : *formats) {
      const auto& name = format.get_ref<const std::string&>();
      if (IsNumberFormat(name) || IsAnyTextFormat(name)) continue;
      std::string regex = RegexOfFormat(name);
      if (regex.empty()) return UnknownFormat(name);
      rule.patterns.push_back({.keyword = "format", .regex = std::move(regex)});
    }
  }
  rule.keyword = rule.patterns.empty() ? "not" : rule.patterns.front().keyword;
  return rule;
}

TextPattern PatternOfNames(const std::string& regex) {
  return {.keyword = "patternProperties", .regex = regex, .is_search = true};
}

absl::StatusOr<SchemaStrings::Spelled*> SchemaStrings::Spell(const TextPattern& pattern) {
  const std::tuple key(pattern.regex, pattern.is_search, pattern.is_excluded);
  const auto known = spelled_.find(key);
  if (known != spelled_.end()) return &known->second;
  Grammar alone;
  JsonGrammar json(/*is_compact=*/true, alone);
  const absl::StatusOr<Node> node = AddPattern(pattern, json);
  if (!node.ok()) return node.status();
  if (alone.too_large()) return InvalidKeyword(pattern.keyword, "is too large");
  alone.Finish(*node);
  Spelled& spelled = spelled_[key];
  spelled.grammar = std::move(alone);
  return &spelled;
}

absl::StatusOr<bool> SchemaStrings::Matches(const std::string& text, const TextPattern& pattern) {
  const absl::StatusOr<Spelled*> spelled = Spell(pattern);
  if (!spelled.ok()) return spelled.status();
  auto& [grammar, automaton] = **spelled;
  if (!grammar.has_texts()) return pattern.is_excluded;
  if (!automaton) automaton.emplace(grammar);
  int32_t state = automaton->start();
  for (const char c : SpelledInJson(text)) {
    if (state != ByteAutomaton::kDead) state = automaton->Step(state, static_cast<uint8_t>(c));
  }
  const bool matches = state != ByteAutomaton::kDead && automaton->Accepts(state);
  return matches != pattern.is_excluded;
}

absl::StatusOr<bool> SchemaStrings::Obeys(const std::string& text, const TextRule& rule) {
  const int64_t length = CountCharacters(text);
  if (length < rule.lengths.least || length > rule.lengths.most) return false;
  const std::vector<std::string>& others = rule.is_none_of;
  if (std::find(others.begin(), others.end(), text) != others.end()) return false;
  for (const TextPattern& pattern : rule.patterns) {
    absl::StatusOr<bool> matches = Matches(text, pattern);
    if (!matches.ok() || !*matches) return matches;
  }
  return true;
}

absl::StatusOr<Node> SchemaStrings::Texts(const TextRule& rule) {
  JsonGrammar json(/*is_compact=*/true, grammar_);
  const RegexLengths& limits = rule.lengths;
  if (limits.least > limits.most) return Grammar::kNone;
  RegexLengths left = limits;  // that the patterns do not keep by themselves
  for (const TextPattern& pattern : rule.patterns) {
    if (pattern.is_excluded) continue;
    const RegexLengths lengths = LengthsOfRegex(pattern.regex, pattern.is_search);
    if (lengths.least > limits.most || lengths.most < limits.least) return Grammar::kNone;
    if (lengths.least >= limits.least) left.least = 0;
    if (lengths.most <= limits.most) left.most = kNoRegexLimit;
  }
  const bool has_lengths = left.least > 0 || left.most != kNoRegexLimit;
  if (rule.patterns.empty() && rule.is_none_of.empty()) {
    return json.String(CountOf(limits.least), CountOf(limits.most));
  }
  if (rule.patterns.empty() && !has_lengths) return json.OtherNames(rule.is_none_of);
  const bool is_alone = rule.patterns.size() == 1 && !rule.patterns.front().is_excluded;
  if (!is_alone || has_lengths || !rule.is_none_of.empty()) return Product(rule, left);
  const absl::StatusOr<Node> node = AddPattern(rule.patterns.front(), json);
  return node.ok() ? json.Quoted(*node) : node;
}

absl::StatusOr<Node> SchemaStrings::Product(const TextRule& rule, const RegexLengths& lengths) {
  size_t num_bytes = 0;
  for (const std::string& text : rule.is_none_of) num_bytes += text.size();
  if (num_bytes > kMostExcludedBytes) return InvalidKeyword(rule.keyword, "is too large");
  const Grammar any = AnyOfLength(lengths);
  const Grammar texts = OneOf(rule.is_none_of);
  std::vector<GrammarFactor> factors = {{.grammar = &any},
                                        {.grammar = &texts, .is_excluded = true}};
  for (const TextPattern& pattern : rule.patterns) {
    const absl::StatusOr<Spelled*> spelled = Spell(pattern);
    if (!spelled.ok()) return spelled.status();
    factors.push_back({.grammar = &(*spelled)->grammar, .is_excluded = pattern.is_excluded});
  }
  const absl::StatusOr<Node> node = AddProduct(factors, num_states_left_, grammar_);
  if (node.ok()) return JsonGrammar(/*is_compact=*/true, grammar_).Quoted(*node);
  return InvalidKeyword(rule.keyword, absl::StrCat(std::string(node.status().message()),
                                                   " beside lengths or other keywords"));
}

}  // namespace octet
