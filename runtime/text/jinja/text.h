// Text of a template, with its origins.

#ifndef OCTET_RUNTIME_TEXT_JINJA_TEXT_H_
#define OCTET_RUNTIME_TEXT_JINJA_TEXT_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/text/rendered_text.h"

namespace octet::jinja {

// UTF-8 text, with the stretches of it that came from outside. Positions are bytes unless a name
// says code points. Appended text keeps its origin.
class Text {
 public:
  Text() = default;
  explicit Text(std::string_view bytes, bool outside = false) { Append(bytes, outside); }

  const std::string& bytes() const { return bytes_; }
  std::string_view view() const { return bytes_; }
  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  size_t code_points() const { return code_points_; }
  bool ascii() const { return code_points_ == bytes_.size(); }

  bool any_outside() const { return !outside_.empty(); }
  bool OutsideAt(size_t position) const;
  const std::vector<RenderedText::Range>& outside() const { return outside_; }

  void Append(std::string_view bytes, bool outside = false);
  void Append(const Text& text) { AppendPart(text, 0, text.size()); }
  // Appends the bytes [begin, end) of `text`, which must be whole code points. `text` may be *this.
  void AppendPart(const Text& text, size_t begin, size_t end);

  Text Part(size_t begin, size_t end) const;

  // Returns the byte at which a code point begins; size() for one after the last.
  size_t ByteOf(size_t code_point) const;
  // Returns the number of code points before a byte.
  size_t CodePointOf(size_t byte) const;

  RenderedText Rendered() && { return {std::move(bytes_), std::move(outside_)}; }

 private:
  void Mark(size_t begin, size_t end);

  std::string bytes_;
  std::vector<RenderedText::Range> outside_;  // as in RenderedText
  size_t code_points_ = 0;
};

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_TEXT_H_
