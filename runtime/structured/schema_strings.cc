#include "runtime/structured/schema_strings.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "runtime/io/strict_json.h"
#include "runtime/structured/grammar_product.h"
#include "runtime/structured/json_grammar.h"
#include "runtime/structured/regex.h"
#include "runtime/structured/string_formats.h"

namespace octet {
namespace {

using Node = Grammar::Node;

// The most bytes of names that stand beside "patternProperties".
constexpr size_t kMostNamesBytes = 10'000;

// Lengths of strings.
struct LengthLimits {
  int64_t least = 0;
  int64_t most = kNoRegexLimit;
};

LengthLimits LimitsOf(const Schema& schema) {
  LengthLimits limits;
  if (const Schema* least = FindKeyword(schema, "minLength")) limits.least = least->get<int64_t>();
  if (const Schema* most = FindKeyword(schema, "maxLength")) limits.most = most->get<int64_t>();
  return limits;
}

int32_t CountOf(int64_t length) {
  return length == kNoRegexLimit ? Grammar::kNoLimit : static_cast<int32_t>(length);
}

absl::StatusOr<Node> AddPattern(const TextPattern& pattern, JsonGrammar& json) {
  const RegexUse use = {.write = [&json](const CodePoints& set) { return json.Character(set); },
                        .is_search = pattern.is_search};
  absl::StatusOr<Node> node = AddRegex(pattern.regex, use, json.grammar());
  if (node.ok()) return node;
  return InvalidKeyword(pattern.keyword, std::string(node.status().message()));
}

Grammar AnyOfLength(const LengthLimits& limits, const CodePoints& characters) {
  Grammar alone;
  JsonGrammar json(/*is_compact=*/true, alone);
  const Node character = json.Character(characters);
  alone.Finish(alone.Repeat(character, CountOf(limits.least), CountOf(limits.most)));
  return alone;
}

Grammar OneOf(const std::vector<std::string>& names) {
  Grammar alone;
  std::vector<Node> texts;
  for (const std::string& name : names) {
    const std::string quoted = Schema(name).dump();
    texts.push_back(alone.Text(std::string_view(quoted).substr(1, quoted.size() - 2)));
  }
  alone.Finish(alone.Choice(texts));
  return alone;
}

}  // namespace

absl::Status UnknownFormat(const std::string& name) {
  return InvalidKeyword("format",
                        absl::StrCat("has ", Quoted(Shortened(name)), ", which is not supported"));
}

absl::StatusOr<std::vector<TextPattern>> PatternsOf(const Schema& schema) {
  std::vector<TextPattern> patterns;
  if (const Schema* list = FindKeyword(schema, "pattern")) {
    for (const Schema& regex : *list) {
      patterns.push_back(
          {.keyword = "pattern", .regex = regex.get<std::string>(), .is_search = true});
    }
  }
  const Schema* formats = FindKeyword(schema, "format");
  if (formats == nullptr) return patterns;
  for (const Schema& format : *formats) {
    const auto& name = format.get_ref<const std::string&>();
    if (IsNumberFormat(name)) continue;
    std::string regex = RegexOfFormat(name);
    if (regex.empty()) return UnknownFormat(name);
    patterns.push_back({.keyword = "format", .regex = std::move(regex)});
  }
  return patterns;
}

TextPattern PatternOfNames(const std::string& regex) {
  return {.keyword = "patternProperties", .regex = regex, .is_search = true};
}

absl::StatusOr<const Grammar*> SchemaStrings::GrammarOf(const TextPattern& pattern) {
  const std::pair key(pattern.regex, pattern.is_search);
  const auto known = alone_.find(key);
  if (known != alone_.end()) return &known->second;
  Grammar alone;
  JsonGrammar json(/*is_compact=*/true, alone);
  const absl::StatusOr<Node> node = AddPattern(pattern, json);
  if (!node.ok()) return node.status();
  if (alone.too_large()) return InvalidKeyword(pattern.keyword, "is too large");
  alone.Finish(*node);
  return &alone_.emplace(key, std::move(alone)).first->second;
}

absl::StatusOr<Node> SchemaStrings::Strings(const Schema& schema) {
  JsonGrammar json(/*is_compact=*/true, grammar_);
  const LengthLimits limits = LimitsOf(schema);
  if (limits.least > limits.most) return Grammar::kNone;
  const absl::StatusOr<std::vector<TextPattern>> patterns = PatternsOf(schema);
  if (!patterns.ok()) return patterns.status();
  if (patterns->empty()) return json.String(CountOf(limits.least), CountOf(limits.most));
  LengthLimits left = limits;  // that the patterns do not keep by themselves
  for (const TextPattern& pattern : *patterns) {
    const RegexLengths lengths = LengthsOfRegex(pattern.regex, pattern.is_search);
    if (lengths.least > limits.most || lengths.most < limits.least) return Grammar::kNone;
    if (lengths.least >= limits.least) left.least = 0;
    if (lengths.most <= limits.most) left.most = kNoRegexLimit;
  }
  const bool has_lengths = left.least > 0 || left.most != kNoRegexLimit;
  if (patterns->size() == 1 && !has_lengths) {
    const absl::StatusOr<Node> node = AddPattern(patterns->front(), json);
    return node.ok() ? json.Quoted(*node) : node;
  }
  std::vector<GrammarFactor> factors;
  factors.reserve(patterns->size() + 1);
  for (const TextPattern& pattern : *patterns) {
    const absl::StatusOr<const Grammar*> of_pattern = GrammarOf(pattern);
    if (!of_pattern.ok()) return of_pattern.status();
    factors.push_back({.grammar = *of_pattern});
  }
  const Grammar lengths = AnyOfLength(left, CodePoints().Complement());
  if (has_lengths) factors.push_back({.grammar = &lengths});
  const absl::StatusOr<Node> node = AddProduct(factors, num_states_left_, grammar_);
  if (node.ok()) return json.Quoted(*node);
  return InvalidKeyword(patterns->front().keyword,
                        absl::StrCat(std::string(node.status().message()),
                                     " beside lengths or another \"pattern\" or \"format\""));
}

absl::StatusOr<Node> SchemaStrings::Names(const NameRule& rule) {
  // Beyond these characters, dialects differ in what an expression does not match.
  const CodePoints characters =
      rule.matches_not.empty() ? CodePoints().Complement() : CodePoints{{' ', '~'}};
  size_t num_bytes = 0;
  for (const std::string& name : rule.is_none_of) num_bytes += name.size();
  if (num_bytes > kMostNamesBytes) return InvalidKeyword("patternProperties", "is too large");
  const Grammar any = AnyOfLength({}, characters);
  const Grammar names = OneOf(rule.is_none_of);
  std::vector<GrammarFactor> factors = {{.grammar = &any},
                                        {.grammar = &names, .is_excluded = true}};
  for (const auto* list : {&rule.matches, &rule.matches_not}) {
    for (const std::string& regex : *list) {
      const absl::StatusOr<const Grammar*> of_regex = GrammarOf(PatternOfNames(regex));
      if (!of_regex.ok()) return of_regex.status();
      factors.push_back({.grammar = *of_regex, .is_excluded = list == &rule.matches_not});
    }
  }
  const absl::StatusOr<Node> node = AddProduct(factors, num_states_left_, grammar_);
  if (node.ok()) return JsonGrammar(/*is_compact=*/true, grammar_).Quoted(*node);
  return InvalidKeyword("patternProperties", std::string(node.status().message()));
}

}  // namespace octet
