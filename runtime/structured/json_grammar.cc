#include "runtime/structured/json_grammar.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "runtime/io/utf8.h"

namespace octet {
namespace {

using Node = Grammar::Node;

constexpr int32_t kIntegerDigits = 18;
constexpr int32_t kNumberDigits = 16;
constexpr int32_t kExponentDigits = 2;

struct JsonEscape {
  char character;
  char letter;
};

constexpr std::array<JsonEscape, 7> kJsonEscapes = {
    {{'"', '"'}, {'\\', '\\'}, {'\b', 'b'}, {'\f', 'f'}, {'\n', 'n'}, {'\r', 'r'}, {'\t', 't'}}};

CodePoints PlainInStrings() { return CodePoints{{0, 0x1F}, {'"', '"'}, {'\\', '\\'}}.Complement(); }

std::u32string CodePointsOf(std::string_view utf8) {
  std::u32string text;
  while (!utf8.empty()) {
    const Utf8Char c = FirstUtf8Char(utf8);
    text.push_back(c.code_point);
    utf8.remove_prefix(std::max<size_t>(c.size, 1));
  }
  return text;
}

}  // namespace

JsonGrammar::JsonGrammar(bool is_compact, Grammar& grammar) : grammar_(grammar) {
  const Node space = is_compact ? Grammar::kEmpty : grammar.Optional(grammar.Text(" "));
  comma_ = grammar.Sequence({grammar.Text(","), space});
  colon_ = grammar.Sequence({grammar.Text(":"), space});
}

Node JsonGrammar::Character(const CodePoints& set) {
  std::vector<Node> alternatives = {grammar_.Characters(set.And(PlainInStrings()))};
  ByteSet letters;
  for (const JsonEscape& escape : kJsonEscapes) {
    const auto c = static_cast<char32_t>(escape.character);
    if (set.Contains(c)) letters.set(static_cast<uint8_t>(escape.letter));
  }
  alternatives.push_back(grammar_.Sequence({grammar_.Text("\\"), grammar_.Bytes(letters)}));
  for (char32_t c = 0; c < 0x20; ++c) {
    const bool has_letter =
        std::any_of(kJsonEscapes.begin(), kJsonEscapes.end(),
                    [c](const JsonEscape& e) { return static_cast<char32_t>(e.character) == c; });
    if (has_letter || !set.Contains(c)) continue;
    constexpr std::string_view kHex = "0123456789abcdef";
    const char digits[] = {kHex[c >> 4], kHex[c & 0xF]};
    alternatives.push_back(grammar_.Text("\\u00" + std::string(digits, 2)));
  }
  return grammar_.Choice(alternatives);
}

// Surrogates stand in pairs, and a pair counts as one character.
Node JsonGrammar::AnyCharacter() {
  if (any_character_ != Grammar::kNone) return any_character_;
  const auto set = [this](std::string_view bytes) {
    ByteSet of_bytes;
    for (const char c : bytes) of_bytes.set(static_cast<uint8_t>(c));
    return grammar_.Bytes(of_bytes);
  };
  const auto sequence = [this](std::initializer_list<Node> parts) {
    return grammar_.Sequence(parts);
  };
  const Node hex = set("0123456789abcdefABCDEF");
  const Node backslash = grammar_.Text("\\");
  const Node unicode = grammar_.Text("\\u");
  const Node d = set("dD");
  const Node high = sequence({unicode, d, set("89abAB"), hex, hex});
  const Node low = sequence({unicode, d, set("cdefCDEF"), hex, hex});
  any_character_ = grammar_.Choice(
      {grammar_.Characters(PlainInStrings()), sequence({backslash, set("\"\\/bfnrt")}),
       sequence({unicode, set("0123456789abcefABCEF"), hex, hex, hex}),
       sequence({unicode, d, set("01234567"), hex, hex}), sequence({high, low})});
  return any_character_;
}

Node JsonGrammar::Quoted(Node characters) {
  const Node quote = grammar_.Text("\"");
  return grammar_.Sequence({quote, characters, quote});
}

Node JsonGrammar::String(int32_t least, int32_t most) {
  return Quoted(grammar_.Repeat(AnyCharacter(), least, most));
}

Node JsonGrammar::Integer() {
  const Node digits =
      grammar_.Repeat(grammar_.Bytes(BytesBetween('0', '9')), 0, kIntegerDigits - 1);
  return grammar_.Choice(
      {grammar_.Text("0"), grammar_.Sequence({grammar_.Optional(grammar_.Text("-")),
                                              grammar_.Bytes(BytesBetween('1', '9')), digits})});
}

Node JsonGrammar::Number() {
  const auto digits = [this](int32_t least, int32_t most) {
    return grammar_.Repeat(grammar_.Bytes(BytesBetween('0', '9')), least, most);
  };
  const Node whole = grammar_.Choice(
      {grammar_.Text("0"),
       grammar_.Sequence({grammar_.Bytes(BytesBetween('1', '9')), digits(0, kNumberDigits - 1)})});
  const Node fraction = grammar_.Sequence({grammar_.Text("."), digits(1, kNumberDigits)});
  ByteSet e;
  e.set('e').set('E');
  ByteSet sign;
  sign.set('+').set('-');
  const Node exponent = grammar_.Sequence(
      {grammar_.Bytes(e), grammar_.Optional(grammar_.Bytes(sign)), digits(1, kExponentDigits)});
  return grammar_.Sequence({grammar_.Optional(grammar_.Text("-")), whole,
                            grammar_.Optional(fraction), grammar_.Optional(exponent)});
}

Node JsonGrammar::Value() {
  if (any_value_) return *any_value_;
  any_value_ = grammar_.Declare();
  const Node body =
      grammar_.Choice({Object(), Array(), String(0, Grammar::kNoLimit), Number(),
                       grammar_.Text("true"), grammar_.Text("false"), grammar_.Text("null")});
  grammar_.Define(*any_value_, body);
  return *any_value_;
}

Node JsonGrammar::Object() { return ObjectOf({}, MemberOf(OtherNames({}), Value()), {}); }

Node JsonGrammar::Array() { return ArrayOf({}, Value(), 0, Grammar::kNoLimit); }

Node JsonGrammar::MemberOf(Node name, Node value) {
  return grammar_.Sequence({name, colon_, value});
}

// The characters of a name that is none of `names` and goes on like them up to `place`.
Node JsonGrammar::NameExcept(std::span<const std::u32string> names, size_t place) {
  std::vector<Node> alternatives;
  std::vector<CodePoints::Range> next;
  size_t i = 0;
  bool is_name = false;
  for (; i < names.size() && names[i].size() == place; ++i) is_name = true;
  if (!is_name) alternatives.push_back(Grammar::kEmpty);
  while (i < names.size()) {
    const char32_t c = names[i][place];
    size_t end = i + 1;
    while (end < names.size() && names[end][place] == c) ++end;
    next.push_back({c, c});
    alternatives.push_back(
        grammar_.Sequence({Character({{c, c}}), NameExcept(names.subspan(i, end - i), place + 1)}));
    i = end;
  }
  const Node any = grammar_.Repeat(Character(CodePoints().Complement()), 0, Grammar::kNoLimit);
  const CodePoints others = CodePoints(std::move(next)).Complement();
  alternatives.push_back(grammar_.Sequence({Character(others), any}));
  return grammar_.Choice(alternatives);
}

Node JsonGrammar::OtherNames(std::span<const std::string> names) {
  std::vector<std::u32string> sorted;
  for (const std::string& name : names) sorted.push_back(CodePointsOf(name));
  std::sort(sorted.begin(), sorted.end());
  return Quoted(NameExcept(sorted, 0));
}

// From the last part to the first: what may follow another part, and what may come first.
Node JsonGrammar::Uncounted(std::span<const Part> parts, Node other) {
  Node after = grammar_.Repeat(grammar_.Sequence({comma_, other}), 0, Grammar::kNoLimit);
  Node first = grammar_.Optional(grammar_.Sequence({other, after}));
  for (size_t i = parts.size(); i-- > 0;) {
    const auto& [part, is_required] = parts[i];
    const Node as_first = grammar_.Sequence({part, after});
    const Node as_next = grammar_.Sequence({comma_, part});
    first = is_required ? as_first : grammar_.Choice({as_first, first});
    after = grammar_.Sequence({is_required ? as_next : grammar_.Optional(as_next), after});
  }
  return first;
}

// From the last part to the first: what may follow `count` parts.
Node JsonGrammar::Counted(std::span<const Part> parts, Node other, Sizes sizes) {
  const int32_t least = sizes.least;
  const int32_t most = sizes.most;
  const auto num_parts = static_cast<int32_t>(parts.size());
  const auto has_room = [&](int32_t count) { return most == Grammar::kNoLimit || count < most; };
  const auto separator = [this](int32_t count) { return count == 0 ? Grammar::kEmpty : comma_; };
  std::vector<Node> after;  // [count]
  for (int32_t count = 0; count <= num_parts; ++count) {
    std::vector<Node> ends;
    if (count >= least) ends.push_back(Grammar::kEmpty);
    if (count + 1 >= least && has_room(count)) {
      const Node more = grammar_.Repeat(grammar_.Sequence({comma_, other}), 0,
                                        most == Grammar::kNoLimit ? most : most - count - 1);
      ends.push_back(grammar_.Sequence({separator(count), other, more}));
    }
    after.push_back(grammar_.Choice(ends));
  }
  for (int32_t i = num_parts; i-- > 0;) {
    for (int32_t count = 0; count <= i; ++count) {
      const Node with = has_room(count)
                            ? grammar_.Sequence({separator(count), parts[i].node, after[count + 1]})
                            : Grammar::kNone;
      after[count] = grammar_.Choice({with, parts[i].is_required ? Grammar::kNone : after[count]});
    }
  }
  return after[0];
}

Node JsonGrammar::ObjectOf(std::span<const Member> members, Node other, Sizes sizes) {
  std::vector<Part> parts;
  int32_t num_required = 0;
  for (const Member& member : members) {
    const Node name = grammar_.Text(nlohmann::json(member.name).dump());
    parts.push_back({MemberOf(name, member.value), member.is_required});
    num_required += member.is_required ? 1 : 0;
  }
  const bool is_full = other == Grammar::kNone && std::ssize(members) <= sizes.most;
  const bool has_any_size =
      sizes.least <= num_required && (sizes.most == Grammar::kNoLimit || is_full);
  const Node inside = has_any_size ? Uncounted(parts, other) : Counted(parts, other, sizes);
  return grammar_.Sequence({grammar_.Text("{"), inside, grammar_.Text("}")});
}

Node JsonGrammar::ArrayOfSome(std::span<const Node> values, Sizes sizes) {
  std::vector<Part> parts;
  for (const Node value : values) parts.push_back({value, /*is_required=*/false});
  const bool has_any_size = sizes.least == 0 && sizes.most == Grammar::kNoLimit;
  const Node inside =
      has_any_size ? Uncounted(parts, Grammar::kNone) : Counted(parts, Grammar::kNone, sizes);
  return grammar_.Sequence({grammar_.Text("["), inside, grammar_.Text("]")});
}

Node JsonGrammar::ArrayOf(std::span<const Node> first, Node others, int32_t least, int32_t most) {
  const auto num_first = static_cast<int32_t>(first.size());
  const bool is_limited = most != Grammar::kNoLimit;
  // What may follow the i-th element, from the last to the first.
  const auto left = [num_first](int32_t count) { return std::max(count - num_first, 0); };
  const bool has_others = !is_limited || most > num_first;
  Node after = Grammar::kEmpty;
  if (num_first == 0) {
    const int32_t more_least = std::max(least - 1, 0);
    const int32_t more_most = is_limited ? std::max(most - 1, 0) : Grammar::kNoLimit;
    const Node more = grammar_.Repeat(grammar_.Sequence({comma_, others}), more_least, more_most);
    after = has_others ? grammar_.Sequence({others, more}) : Grammar::kEmpty;
    if (least == 0) after = grammar_.Optional(after);
  } else if (has_others) {
    after = grammar_.Repeat(grammar_.Sequence({comma_, others}), left(least),
                            is_limited ? left(most) : Grammar::kNoLimit);
  } else if (least > num_first) {
    after = Grammar::kNone;
  }
  for (int32_t i = num_first; i-- > 0;) {
    if (is_limited && i >= most) {
      after = Grammar::kEmpty;
      continue;
    }
    const Node separator = i == 0 ? Grammar::kEmpty : comma_;
    after = grammar_.Sequence({separator, first[i], after});
    if (i >= least) after = grammar_.Optional(after);
  }
  return grammar_.Sequence({grammar_.Text("["), after, grammar_.Text("]")});
}

}  // namespace octet
