#include "runtime/text/jinja/text.h"

#include <algorithm>

namespace octet::jinja {
namespace {

bool BeginsCodePoint(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) != 0x80; }

size_t CountCodePoints(std::string_view bytes) {
  return static_cast<size_t>(std::count_if(bytes.begin(), bytes.end(), BeginsCodePoint));
}

// Returns the first range that ends after `position`.
auto RangeAt(const std::vector<RenderedText::Range>& ranges, size_t position) {
  return std::upper_bound(
      ranges.begin(), ranges.end(), position,
      [](size_t value, const RenderedText::Range& range) { return value < range.end; });
}

}  // namespace

bool Text::OutsideAt(size_t position) const {
  const auto range = RangeAt(outside_, position);
  return range != outside_.end() && range->begin <= position;
}

void Text::Append(std::string_view bytes, bool outside) {
  if (outside) Mark(size(), size() + bytes.size());
  code_points_ += CountCodePoints(bytes);
  bytes_ += bytes;
}

void Text::AppendPart(const Text& text, size_t begin, size_t end) {
  if (&text == this) return AppendPart(Text(text), begin, end);
  const size_t to = size();
  const std::string_view part = text.view().substr(begin, end - begin);
  bytes_ += part;
  code_points_ += text.ascii()                 ? part.size()
                  : part.size() == text.size() ? text.code_points_
                                               : CountCodePoints(part);
  for (auto range = RangeAt(text.outside_, begin);
       range != text.outside_.end() && range->begin < end; ++range) {
    Mark(to + std::max(range->begin, begin) - begin, to + std::min(range->end, end) - begin);
  }
}

Text Text::Part(size_t begin, size_t end) const {
  Text part;
  part.AppendPart(*this, begin, end);
  return part;
}

size_t Text::ByteOf(size_t code_point) const {
  if (code_point >= code_points_) return size();
  if (ascii()) return code_point;
  size_t byte = 0;
  for (size_t seen = 0;; ++byte) {
    if (BeginsCodePoint(bytes_[byte]) && seen++ == code_point) return byte;
  }
}

size_t Text::CodePointOf(size_t byte) const {
  return ascii() ? byte : CountCodePoints(view().substr(0, byte));
}

void Text::Mark(size_t begin, size_t end) {
  if (begin == end) return;
  if (!outside_.empty() && outside_.back().end == begin) {
    outside_.back().end = end;
  } else {
    outside_.push_back({begin, end});
  }
}

}  // namespace octet::jinja
