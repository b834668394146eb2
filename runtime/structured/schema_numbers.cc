#include "runtime/structured/schema_numbers.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/structured/decimal_range.h"
#include "runtime/structured/grammar_product.h"
#include "runtime/structured/schema_strings.h"
#include "runtime/structured/string_formats.h"

namespace octet {
namespace {

using Node = Grammar::Node;

// Doubles tell all decimals of this many digits apart.
constexpr int kDoubleDigits = 15;
constexpr int kWholeDigits = 9;
constexpr int kFractionDigits = 6;

// The most states of the remainders of a division.
constexpr int kMostRemainders = 100;

// Returns the tighter of an inclusive and an exclusive bound.
std::optional<DecimalBound> BoundOf(const Schema& schema, const char* inclusive,
                                    const char* exclusive, double direction) {
  const Schema* with = FindKeyword(schema, inclusive);
  const Schema* without = FindKeyword(schema, exclusive);
  if (with == nullptr && without == nullptr) return std::nullopt;
  const bool is_exclusive =
      with == nullptr ||
      (without != nullptr && direction * without->get<double>() >= direction * with->get<double>());
  return DecimalBound::Of((is_exclusive ? without : with)->get<double>(), is_exclusive);
}

int DigitsOf(const std::optional<DecimalBound>& bound) {
  return bound ? static_cast<int>(std::to_string(bound->magnitude.whole).size()) : 1;
}

DecimalRange RangeOf(const Schema& schema) {
  return {.least = BoundOf(schema, "minimum", "exclusiveMinimum", 1),
          .most = BoundOf(schema, "maximum", "exclusiveMaximum", -1)};
}

int WholeDigitsOf(const DecimalRange& range) {
  const int digits = std::max({kWholeDigits, DigitsOf(range.least), DigitsOf(range.most)});
  return std::min(digits, kDoubleDigits);
}

Node AddShortIntegers(DecimalRange range, Grammar& grammar) {
  range.whole_digits = WholeDigitsOf(range);
  if (range.least || range.most) return AddDecimalRange(range, grammar);
  const Node digits = grammar.Repeat(grammar.Bytes(BytesBetween('0', '9')), 0, kWholeDigits - 1);
  const Node sign = grammar.Optional(grammar.Text("-"));
  return grammar.Choice(
      {grammar.Text("0"), grammar.Sequence({sign, grammar.Bytes(BytesBetween('1', '9')), digits})});
}

Node AddRange(const Schema& schema, bool is_integer, JsonGrammar& json) {
  DecimalRange range = RangeOf(schema);
  if (!range.least && !range.most) return is_integer ? json.Integer() : json.Number();
  if (!is_integer) {
    range.whole_digits = WholeDigitsOf(range);
    range.fraction_digits = std::min(kFractionDigits, kDoubleDigits - range.whole_digits);
  }
  return AddDecimalRange(range, json.grammar());
}

// Returns classes of the remainders modulo `divisor` that no further digits tell apart, from 0 on.
std::vector<int> ClassesOfRemainders(int64_t divisor) {
  std::vector<int> classes(divisor, 1);
  classes[0] = 0;
  for (size_t num_classes = 0;;) {
    std::map<std::vector<int>, int> found;  // by the class, and those after each digit
    std::vector<int> finer;
    for (int64_t remainder = 0; remainder < divisor; ++remainder) {
      std::vector<int> key = {classes[remainder]};
      for (int digit = 0; digit < 10; ++digit) {
        key.push_back(classes[(10 * remainder + digit) % divisor]);
      }
      finer.push_back(found.try_emplace(key, static_cast<int>(found.size())).first->second);
    }
    classes = std::move(finer);
    if (found.size() == num_classes) return classes;
    num_classes = found.size();
  }
}

// Adds digits, with a sign or without, whose number is a multiple of `divisor`. A rule is what may
// follow digits that leave a remainder of a class. Returns kNone if there are too many.
Node AddMultiples(int64_t divisor, Grammar& grammar) {
  const std::vector<int> classes = ClassesOfRemainders(divisor);
  std::vector<Node> rules(*std::max_element(classes.begin(), classes.end()) + 1, Grammar::kNone);
  if (std::ssize(rules) > kMostRemainders) return Grammar::kNone;
  for (Node& rule : rules) rule = grammar.Declare();
  for (int64_t remainder = divisor; remainder-- > 0;) {
    const int of_remainder = classes[remainder];
    if (std::find(classes.begin(), classes.begin() + remainder, of_remainder) !=
        classes.begin() + remainder) {
      continue;  // one remainder of each class
    }
    std::map<int, ByteSet> digits;  // by the class that follows
    for (int digit = 0; digit < 10; ++digit) {
      digits[classes[(10 * remainder + digit) % divisor]].set('0' + digit);
    }
    std::vector<Node> alternatives;
    if (of_remainder == classes[0]) alternatives.push_back(Grammar::kEmpty);
    for (const auto& [next, bytes] : digits) {
      alternatives.push_back(grammar.Sequence({grammar.Bytes(bytes), rules[next]}));
    }
    grammar.Define(rules[of_remainder], grammar.Choice(alternatives));
  }
  return grammar.Sequence({grammar.Optional(grammar.Text("-")), rules[classes[0]]});
}

// Adds decimals without exponents.
Node AddShortDecimals(const Schema& schema, Grammar& grammar) {
  const DecimalRange range = RangeOf(schema);
  if (range.least || range.most) {
    JsonGrammar json(/*is_compact=*/true, grammar);
    return AddRange(schema, /*is_integer=*/false, json);
  }
  const Node digits = grammar.Repeat(grammar.Bytes(BytesBetween('0', '9')), 1, kFractionDigits);
  const Node fraction = grammar.Sequence({grammar.Text("."), digits});
  return grammar.Sequence({AddShortIntegers(range, grammar), grammar.Optional(fraction)});
}

// Returns all spellings, without exponents, of the numbers that must not be.
absl::StatusOr<Grammar> NumbersThatMustNotBe(const Schema& schema, unsigned types) {
  Grammar numbers;
  std::vector<Node> texts;
  const Node zeros = numbers.Repeat(numbers.Text("0"), 0, Grammar::kNoLimit);
  const Node point = numbers.Sequence({numbers.Text("."), zeros});
  if ((types & kSchemaInteger) == 0) {
    const Node digits = numbers.Repeat(numbers.Bytes(BytesBetween('0', '9')), 1, Grammar::kNoLimit);
    texts.push_back(
        numbers.Sequence({numbers.Optional(numbers.Text("-")), digits, numbers.Optional(point)}));
  }
  const Schema* values = FindKeyword(schema, kNotEnum);
  for (const Schema& value : values == nullptr ? Schema::array() : *values) {
    if (!value.is_number()) continue;
    std::string text = value == 0 ? "0" : value.dump();
    if (text.find('e') != std::string::npos) {
      return UnsupportedKeyword("not", " of a number with an exponent");
    }
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    const bool has_point = text.find('.') != std::string::npos;
    texts.push_back(
        numbers.Sequence({numbers.Text(text), has_point ? zeros : numbers.Optional(point)}));
  }
  numbers.Finish(numbers.Choice(texts));
  return numbers;
}

absl::StatusOr<Schema> WithBoundsOfFormat(const Schema& schema) {
  Schema bounded = schema;
  const Schema* formats = FindKeyword(schema, "format");
  if (formats == nullptr) return bounded;
  for (const Schema& format : *formats) {
    const auto& name = format.get_ref<const std::string&>();
    if (name == "int32") {
      const Schema least = std::numeric_limits<int32_t>::min();
      const Schema most = std::numeric_limits<int32_t>::max();
      bounded["minimum"] = std::max(bounded.value("minimum", least), least);
      bounded["maximum"] = std::min(bounded.value("maximum", most), most);
    } else if (!IsNumberFormat(name) && !IsAnyTextFormat(name) && !IsFormatKnown(name)) {
      return UnknownFormat(name);
    }
  }
  return bounded;
}

}  // namespace

absl::StatusOr<Node> AddSchemaNumbers(const Schema& schema, unsigned types,
                                      int32_t& num_states_left, JsonGrammar& json) {
  const absl::StatusOr<Schema> bounded = WithBoundsOfFormat(schema);
  if (!bounded.ok()) return bounded.status();
  const Schema* divisor = FindKeyword(schema, "multipleOf");
  const absl::StatusOr<Grammar> excluded = NumbersThatMustNotBe(schema, types);
  if (!excluded.ok()) return excluded.status();
  const bool is_integer = (types & kSchemaNumber) == 0;
  if (divisor == nullptr && !excluded->has_texts()) return AddRange(*bounded, is_integer, json);
  Grammar in_range;
  const bool is_whole = is_integer || divisor != nullptr;
  in_range.Finish(is_whole ? AddShortIntegers(RangeOf(*bounded), in_range)
                           : AddShortDecimals(*bounded, in_range));
  std::vector<GrammarFactor> factors = {{.grammar = &in_range},
                                        {.grammar = &*excluded, .is_excluded = true}};
  Grammar multiples;
  if (divisor != nullptr) {
    multiples.Finish(AddMultiples(divisor->get<int64_t>(), multiples));
    if (!multiples.has_texts()) {
      return InvalidKeyword("multipleOf",
                            absl::StrCat("has ", divisor->dump(), ", which needs more than ",
                                         kMostRemainders, " states"));
    }
    factors.push_back({.grammar = &multiples});
  }
  absl::StatusOr<Node> node = AddProduct(factors, num_states_left, json.grammar());
  if (node.ok()) return node;
  return InvalidKeyword(divisor == nullptr ? "not" : "multipleOf",
                        std::string(node.status().message()));
}

}  // namespace octet
