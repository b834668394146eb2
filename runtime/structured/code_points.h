// Sets of characters.

#ifndef OCTET_RUNTIME_STRUCTURED_CODE_POINTS_H_
#define OCTET_RUNTIME_STRUCTURED_CODE_POINTS_H_

#include <initializer_list>
#include <string_view>
#include <vector>

namespace octet {

inline constexpr char32_t kLastCodePoint = 0x10FFFF;

// A set of Unicode code points without surrogates, as sorted ranges that do not touch.
class CodePoints {
 public:
  struct Range {
    char32_t first;
    char32_t last;
  };

  CodePoints() = default;
  CodePoints(std::initializer_list<Range> ranges) : CodePoints(std::vector<Range>(ranges)) {}
  explicit CodePoints(std::vector<Range> ranges);

  // Returns the characters of ASCII in `text`.
  static CodePoints OfAscii(std::string_view text);

  CodePoints Complement() const;
  CodePoints And(const CodePoints& other) const;
  CodePoints Or(const CodePoints& other) const;
  CodePoints Without(const CodePoints& other) const { return And(other.Complement()); }

  bool Contains(char32_t c) const;
  bool empty() const { return ranges_.empty(); }
  const std::vector<Range>& ranges() const { return ranges_; }

 private:
  std::vector<Range> ranges_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_STRUCTURED_CODE_POINTS_H_
