#include "runtime/structured/regex_syntax.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include <optional>
#include <string>
#include <utility>

#include "runtime/io/utf8.h"
#include "runtime/structured/regex_classes.h"

namespace octet {
namespace {

using Kind = RegexTree::Kind;

constexpr size_t kMostRegexText = 100'000;
constexpr int kMostRegexDepth = 100;
constexpr int32_t kMostRepeats = 1'000'000;

// A parser that goes on after a fault with nothing, and keeps the first fault.
class RegexParser {
 public:
  RegexParser(std::string_view regex, RegexReading reading)
      : is_widest_(reading == RegexReading::kInAnyDialect) {
    if (regex.size() > kMostRegexText) {
      fault_ = absl::StrCat("has more than ", kMostRegexText, " bytes");
      return;
    }
    while (!regex.empty()) {
      const Utf8Char c = FirstUtf8Char(regex);
      if (c.size == 0) {
        Fail("is not valid UTF-8");
        break;
      }
      text_.push_back(c.code_point);
      regex.remove_prefix(c.size);
    }
  }

  absl::StatusOr<RegexTree> Parse() {
    RegexTree tree = Choice(0);
    if (!AtEnd()) Fail("has ')' without '('");
    if (!fault_.empty()) return absl::InvalidArgumentError(fault_);
    return tree;
  }

 private:
  void Fail(const std::string& what) {
    if (fault_.empty()) fault_ = absl::StrCat(what, " at character ", place_ + 1);
    place_ = text_.size();
  }

  bool AtEnd() const { return place_ >= text_.size(); }
  char32_t Peek(size_t ahead = 0) const {
    return place_ + ahead < text_.size() ? text_[place_ + ahead] : 0;
  }
  bool Take(char32_t c) {
    if (AtEnd() || text_[place_] != c) return false;
    ++place_;
    return true;
  }

  RegexTree Choice(int depth) {
    RegexTree choice = {.kind = Kind::kChoice};
    do {
      choice.parts.push_back(Sequence(depth));
    } while (Take('|'));
    return choice.parts.size() == 1 ? std::move(choice.parts[0]) : choice;
  }

  RegexTree Sequence(int depth) {
    RegexTree sequence = {.kind = Kind::kSequence};
    while (!AtEnd() && Peek() != '|' && Peek() != ')') {
      RegexTree part = Quantified(Atom(depth));
      sequence.parts.push_back(std::move(part));
    }
    return sequence;
  }

  RegexTree Atom(int depth) {
    if (Take('(')) return Group(depth);
    if (Take('[')) return {.kind = Kind::kClass, .set = Class()};
    if (Take('.')) return {.kind = Kind::kClass, .set = InDialects(AnyButLineEnds())};
    if (Take('^')) return {.kind = Kind::kBegin};
    if (Take('$')) return End();
    if (Take('\\')) return Escape();
    const char32_t c = text_[place_];
    if (c == '*' || c == '+' || c == '?') Fail("has a quantifier after nothing");
    ++place_;
    return {.kind = Kind::kClass, .set = {{c, c}}};
  }

  // Returns the class that is used for one that is not negated.
  CodePoints InDialects(const RegexClass& set) const { return is_widest_ ? set.most : set.least; }

  // Python's "$" stands before a last line end, too.
  RegexTree End() const {
    RegexTree end = {.kind = Kind::kEnd};
    if (!is_widest_) return end;
    RegexTree line_end = {.kind = Kind::kRepeat, .most = 1};
    line_end.parts.push_back({.kind = Kind::kClass, .set = {{'\n', '\n'}}});
    RegexTree sequence = {.kind = Kind::kSequence};
    sequence.parts = {std::move(line_end), std::move(end)};
    return sequence;
  }

  RegexTree Group(int depth) {
    if (depth == kMostRegexDepth) {
      Fail("has too many groups in each other");
      return {};
    }
    if (Take('?')) TakeGroupKind();
    RegexTree group = Choice(depth + 1);
    if (!Take(')')) Fail("has '(' without ')'");
    return group;
  }

  void TakeGroupKind() {
    if (Take(':')) return;
    Take('P');
    const bool looks_behind = Peek() == '<' && (Peek(1) == '=' || Peek(1) == '!');
    if (looks_behind || !Take('<')) return Fail("has a lookaround, a flag or the like");
    while (!AtEnd() && Peek() != '>') ++place_;
    if (!Take('>')) Fail("has a group's name without '>'");
  }

  RegexTree Quantified(RegexTree part) {
    int32_t least = 0;
    int32_t most = -1;
    if (Take('+')) {
      least = 1;
    } else if (Take('?')) {
      most = 1;
    } else if (!Take('*') && !TakeCounts(least, most)) {
      return part;
    }
    if (part.kind == Kind::kBegin || part.kind == Kind::kEnd) Fail("has a quantifier of an anchor");
    Take('?');  // lazy: the texts are the same
    const char32_t next = Peek();
    if (next == '*' || next == '+' || next == '?') Fail("has a possessive or a second quantifier");
    RegexTree repeat = {.kind = Kind::kRepeat, .least = least, .most = most};
    repeat.parts.push_back(std::move(part));
    return repeat;
  }

  // Takes {n}, {n,} or {n,m}. Other braces are characters.
  bool TakeCounts(int32_t& least, int32_t& most) {
    const size_t begin = place_;
    if (!Take('{')) return false;
    if (Peek() == ',' && IsDigit(Peek(1))) Fail("has a quantifier without its least count");
    const std::optional<int32_t> first = TakeCount();
    std::optional<int32_t> last = first;
    if (first && Take(',')) last = Peek() == '}' ? -1 : TakeCount();
    if (!first || !last || !Take('}')) {
      if (fault_.empty()) place_ = begin;
      return false;
    }
    least = *first;
    most = *last;
    if (most >= 0 && least > most) Fail("has a quantifier whose counts are in the wrong order");
    return true;
  }

  static bool IsDigit(char32_t c) { return c >= '0' && c <= '9'; }

  std::optional<int32_t> TakeCount() {
    if (!IsDigit(Peek())) return std::nullopt;
    int32_t count = 0;
    while (IsDigit(Peek())) {
      count = count * 10 + static_cast<int32_t>(text_[place_++] - '0');
      if (count <= kMostRepeats) continue;
      Fail(absl::StrCat("has a count above ", kMostRepeats));
      return std::nullopt;
    }
    return count;
  }

  RegexTree Escape() {
    const char32_t letter = Peek();
    if (letter == 'A' || letter == 'Z' || letter == 'z') {
      ++place_;
      return {.kind = letter == 'A' ? Kind::kBegin : Kind::kEnd};
    }
    if (std::optional<RegexClass> named = NamedRegexClass(letter)) {
      ++place_;
      return {.kind = Kind::kClass, .set = InDialects(*named)};
    }
    const char32_t c = EscapedCharacter();
    return {.kind = Kind::kClass, .set = {{c, c}}};
  }

  // Takes what follows a backslash, as one character.
  char32_t EscapedCharacter() {
    if (AtEnd()) Fail("ends with a backslash");
    if (!fault_.empty()) return 0;
    const char32_t letter = text_[place_++];
    constexpr std::string_view kLetters = "nrtfv0";
    constexpr std::string_view kMeanings("\n\r\t\f\v\0", 6);
    if (letter == 'x') return HexCharacter(2);
    if (letter == 'u') return UnicodeCharacter();
    const bool is_ascii = letter < 0x80;
    const size_t known = is_ascii ? kLetters.find(static_cast<char>(letter)) : kLetters.npos;
    if (known != kLetters.npos && !(letter == '0' && IsDigit(Peek()))) {
      return static_cast<char32_t>(kMeanings[known]);
    }
    const char32_t lower = letter | 0x20;
    if (is_ascii && (IsDigit(letter) || (lower >= 'a' && lower <= 'z'))) {
      --place_;
      Fail(absl::StrCat("has the escape \\", std::string(1, static_cast<char>(letter)),
                        ", which is not supported,"));
    }
    return letter;
  }

  char32_t HexCharacter(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      const char32_t c = Peek();
      const char32_t lower = c | 0x20;
      if (!IsDigit(c) && (lower < 'a' || lower > 'f')) {
        Fail("has an escape with too few digits");
        return 0;
      }
      value = value * 16 + (IsDigit(c) ? c - '0' : lower - 'a' + 10);
      ++place_;
    }
    return value;
  }

  // Takes the digits after \u: four, or those of two surrogates.
  char32_t UnicodeCharacter() {
    const char32_t first = HexCharacter(4);
    if (first < 0xD800 || first > 0xDFFF) return first;
    if (first > 0xDBFF || !Take('\\') || !Take('u')) {
      Fail("has half of a surrogate pair");
      return 0;
    }
    const char32_t second = HexCharacter(4);
    if (second < 0xDC00 || second > 0xDFFF) Fail("has half of a surrogate pair");
    return 0x10000 + ((first - 0xD800) << 10 | (second & 0x3FF));
  }

  // Takes a class after its bracket.
  CodePoints Class() {
    const bool negated = Take('^');
    std::vector<CodePoints::Range> ranges;
    if (Peek() == ']') Fail("has a class that begins with ']'");
    while (!AtEnd() && Peek() != ']') TakeClassPart(negated, ranges);
    if (!Take(']')) Fail("has '[' without ']'");
    const CodePoints set(std::move(ranges));
    return negated ? set.Complement() : set;
  }

  void TakeClassPart(bool negated, std::vector<CodePoints::Range>& ranges) {
    if (Peek() == '\\') {
      if (const std::optional<RegexClass> named = NamedRegexClass(Peek(1))) {
        place_ += 2;
        const CodePoints& set = negated == is_widest_ ? named->least : named->most;
        ranges.insert(ranges.end(), set.ranges().begin(), set.ranges().end());
        return;
      }
    }
    const char32_t first = ClassCharacter();
    char32_t last = first;
    if (Peek() == '-' && Peek(1) != ']' && place_ + 1 < text_.size()) {
      ++place_;
      if (Peek() == '\\' && NamedRegexClass(Peek(1))) return Fail("has a range up to a class");
      last = ClassCharacter();
    }
    if (first > last) return Fail("has a range in the wrong order");
    ranges.push_back({first, last});
  }

  char32_t ClassCharacter() {
    if (!Take('\\')) return AtEnd() ? 0 : text_[place_++];
    return Take('b') ? U'\b' : EscapedCharacter();
  }

  const bool is_widest_;  // matches what any dialect matches
  std::string fault_;
  std::vector<char32_t> text_;
  size_t place_ = 0;
};

}  // namespace

absl::StatusOr<RegexTree> ParseRegex(std::string_view regex, RegexReading reading) {
  return RegexParser(regex, reading).Parse();
}

}  // namespace octet
