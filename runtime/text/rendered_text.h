// A conversation that a template has rendered.

#ifndef OCTET_RUNTIME_TEXT_RENDERED_TEXT_H_
#define OCTET_RUNTIME_TEXT_RENDERED_TEXT_H_

#include <cstddef>
#include <string>
#include <vector>

namespace octet {

// A text in which some stretches come from a user, not from the model's template. In those, a
// spelling such as "</s>" is text and never a control token: a user cannot speak for the model.
struct RenderedText {
  struct Range {
    size_t begin = 0;  // bytes of `text`
    size_t end = 0;    // after the last one

    bool operator==(const Range&) const = default;
  };

  std::string text;                 // UTF-8
  std::vector<Range> from_outside;  // ascending, not empty, with template text between them
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_RENDERED_TEXT_H_
