#include "runtime/structured/regex_classes.h"

namespace octet {
namespace {

// The first digit and the first letter beyond ASCII (Unicode 15).
constexpr char32_t kFirstDigit = 0x660;
constexpr char32_t kFirstLetter = 0xAA;

RegexClass Digits() {
  const CodePoints ascii = {{'0', '9'}};
  return {ascii, ascii.Or({{kFirstDigit, kLastCodePoint}})};
}

RegexClass WordCharacters() {
  const CodePoints ascii = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
  return {ascii, ascii.Or({{kFirstLetter, kLastCodePoint}})};
}

// The most: ECMA-262's WhiteSpace and LineTerminator, and what Python's str.isspace knows.
RegexClass Spaces() {
  const CodePoints ascii = {{'\t', '\r'}, {' ', ' '}};
  return {ascii, ascii.Or({{0x1C, 0x1F},
                           {0x85, 0x85},
                           {0xA0, 0xA0},
                           {0x1680, 0x1680},
                           {0x2000, 0x200A},
                           {0x2028, 0x2029},
                           {0x202F, 0x202F},
                           {0x205F, 0x205F},
                           {0x3000, 0x3000},
                           {0xFEFF, 0xFEFF}})};
}

RegexClass Not(const RegexClass& other) {
  return {other.most.Complement(), other.least.Complement()};
}

}  // namespace

std::optional<RegexClass> NamedRegexClass(char32_t letter) {
  switch (letter) {
    case 'd':
      return Digits();
    case 'D':
      return Not(Digits());
    case 'w':
      return WordCharacters();
    case 'W':
      return Not(WordCharacters());
    case 's':
      return Spaces();
    case 'S':
      return Not(Spaces());
    default:
      return std::nullopt;
  }
}

RegexClass AnyButLineEnds() {
  return Not({.least = {{'\n', '\n'}}, .most = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}});
}

}  // namespace octet
