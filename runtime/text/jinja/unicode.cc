#include "runtime/text/jinja/unicode.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <span>

#include "runtime/io/utf8.h"

namespace octet::jinja {
namespace {

struct PropertyRun {  // from `first` to the next run
  char32_t first;
  uint16_t even, odd;  // flags at an even and an odd distance from `first`
};

struct CaseRange {  // each `step`th code point from `first` to `last` moves by `difference`
  char32_t first, last;
  int step, difference;
};

struct LongCase {  // becomes several code points
  char32_t code_point;
  const char* text;
};

#include "runtime/text/jinja/unicode_tables.inc"

std::span<const CaseRange> RangesOf(LetterCase letter_case) {
  switch (letter_case) {
    case LetterCase::kUpper:
      return kUpperRanges;
    case LetterCase::kLower:
      return kLowerRanges;
    case LetterCase::kTitle:
      return kTitleRanges;
  }
  return {};
}

std::span<const LongCase> LongOf(LetterCase letter_case) {
  switch (letter_case) {
    case LetterCase::kUpper:
      return kLongUpper;
    case LetterCase::kLower:
      return kLongLower;
    case LetterCase::kTitle:
      return kLongTitle;
  }
  return {};
}

}  // namespace

unsigned PropertiesOf(char32_t code_point) {
  const auto* behind =
      std::upper_bound(std::begin(kPropertyRuns), std::end(kPropertyRuns), code_point,
                       [](char32_t value, const PropertyRun& run) { return value < run.first; });
  const PropertyRun& run = *(behind - 1);
  return (code_point - run.first) % 2 == 0 ? run.even : run.odd;
}

void AppendInCase(char32_t code_point, LetterCase letter_case, std::string& text) {
  if (code_point < 0x80) {
    const bool lower = letter_case == LetterCase::kLower;
    const bool changes =
        lower ? code_point >= 'A' && code_point <= 'Z' : code_point >= 'a' && code_point <= 'z';
    text += static_cast<char>(changes ? code_point ^ 0x20 : code_point);
    return;
  }
  for (const LongCase& entry : LongOf(letter_case)) {
    if (entry.code_point == code_point) {
      text += entry.text;
      return;
    }
  }
  for (const CaseRange& range : RangesOf(letter_case)) {
    if (code_point >= range.first && code_point <= range.last &&
        (code_point - range.first) % static_cast<char32_t>(range.step) == 0) {
      AppendUtf8(static_cast<char32_t>(static_cast<int64_t>(code_point) + range.difference), text);
      return;
    }
  }
  AppendUtf8(code_point, text);
}

char32_t NextCodePoint(std::string_view text, size_t& position) {
  const unsigned char first = static_cast<unsigned char>(text[position]);
  if (first < 0x80) {
    ++position;
    return first;
  }
  const Utf8Char next = FirstUtf8Char(text.substr(position));
  position += std::max<size_t>(next.size, 1);
  return next.code_point;
}

}  // namespace octet::jinja
