#include "runtime/structured/code_points.h"

#include <algorithm>

namespace octet {
namespace {

constexpr char32_t kBeforeSurrogates = 0xD7FF;
constexpr char32_t kAfterSurrogates = 0xE000;

using Ranges = std::vector<CodePoints::Range>;

void AddWithoutSurrogates(CodePoints::Range range, Ranges& ranges) {
  const CodePoints::Range below = {range.first, std::min(range.last, kBeforeSurrogates)};
  const CodePoints::Range above = {std::max(range.first, kAfterSurrogates), range.last};
  if (below.first <= below.last) ranges.push_back(below);
  if (above.first <= above.last) ranges.push_back(above);
}

}  // namespace

CodePoints::CodePoints(std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](Range a, Range b) { return a.first < b.first; });
  Ranges joined;
  for (const Range range : ranges) {
    if (!joined.empty() && range.first <= joined.back().last + 1) {
      joined.back().last = std::max(joined.back().last, range.last);
    } else {
      joined.push_back(range);
    }
  }
  for (const Range range : joined) AddWithoutSurrogates(range, ranges_);
}

CodePoints CodePoints::OfAscii(std::string_view text) {
  Ranges ranges;
  for (const char c : text) {
    const auto point = static_cast<char32_t>(c);
    ranges.push_back({point, point});
  }
  return CodePoints(std::move(ranges));
}

CodePoints CodePoints::Complement() const {
  Ranges ranges;
  char32_t next = 0;
  for (const Range range : ranges_) {
    if (range.first > next) ranges.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kLastCodePoint) ranges.push_back({next, kLastCodePoint});
  return CodePoints(std::move(ranges));
}

CodePoints CodePoints::Or(const CodePoints& other) const {
  Ranges ranges = ranges_;
  ranges.insert(ranges.end(), other.ranges_.begin(), other.ranges_.end());
  return CodePoints(std::move(ranges));
}

CodePoints CodePoints::And(const CodePoints& other) const {
  return Complement().Or(other.Complement()).Complement();
}

bool CodePoints::Contains(char32_t c) const {
  return std::any_of(ranges_.begin(), ranges_.end(),
                     [c](Range range) { return range.first <= c && c <= range.last; });
}

}  // namespace octet
