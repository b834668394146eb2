#include "runtime/io/utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace octet {
namespace {

// Returns the size that a first byte announces; 0 for a byte that cannot be first.
size_t AnnouncedSize(uint8_t first) {
  if (first < 0x80) return 1;
  if (first < 0xC0) return 0;
  if (first < 0xE0) return 2;
  if (first < 0xF0) return 3;
  return first < 0xF8 ? 4 : 0;
}

bool IsTrailByte(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) == 0x80; }

}  // namespace

Utf8Char FirstUtf8Char(std::string_view text) {
  if (text.empty()) return {};
  const auto first = static_cast<uint8_t>(text[0]);
  if (first < 0x80) return {first, 1};
  const size_t size = AnnouncedSize(first);
  if (size == 0 || text.size() < size) return {};
  char32_t code_point = first & (0x7F >> size);
  for (size_t i = 1; i < size; ++i) {
    if (!IsTrailByte(text[i])) return {};
    code_point = code_point << 6 | (static_cast<uint8_t>(text[i]) & 0x3F);
  }
  constexpr std::array<char32_t, 5> kSmallest = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code_point >= 0xD800 && code_point < 0xE000;
  if (code_point < kSmallest[size] || code_point > 0x10FFFF || surrogate) return {};
  return {code_point, size};
}

bool MayBecomeUtf8Char(std::string_view text) {
  if (text.empty()) return true;
  return text.size() < AnnouncedSize(static_cast<uint8_t>(text[0])) &&
         std::all_of(text.begin() + 1, text.end(), IsTrailByte);
}

bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t size = FirstUtf8Char(text).size;
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

size_t BeginOfChar(std::string_view text, size_t place) {
  constexpr size_t kMostTrailBytes = 3;
  size_t begin = place;
  while (begin > 0 && begin < text.size() && IsTrailByte(text[begin])) --begin;
  return place - begin <= kMostTrailBytes ? begin : place;
}

void AppendUtf8(char32_t code_point, std::string& text) {
  const auto tail = [&](int shift) {
    text += static_cast<char>(0x80 | ((code_point >> shift) & 0x3F));
  };
  if (code_point < 0x80) {
    text += static_cast<char>(code_point);
  } else if (code_point < 0x800) {
    text += static_cast<char>(0xC0 | (code_point >> 6));
    tail(0);
  } else if (code_point < 0x10000) {
    text += static_cast<char>(0xE0 | (code_point >> 12));
    tail(6), tail(0);
  } else {
    text += static_cast<char>(0xF0 | (code_point >> 18));
    tail(12), tail(6), tail(0);
  }
}

}  // namespace octet
