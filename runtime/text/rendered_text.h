// A conversation as its template wrote it.

#ifndef OCTET_RUNTIME_TEXT_RENDERED_TEXT_H_
#define OCTET_RUNTIME_TEXT_RENDERED_TEXT_H_

#include <cstddef>
#include <string>
#include <vector>

namespace octet {

// Text of which some stretches were written by a user, not by the model's template. There a
// spelling such as "</s>" is text and never a control token: who asks can't speak for the model.
struct RenderedText {
  struct Range {
    size_t begin = 0;  // bytes of `text`
    size_t end = 0;    // behind the last

    bool operator==(const Range&) const = default;
  };

  std::string text;                 // UTF-8
  std::vector<Range> from_outside;  // ascending, not empty, with template text between them
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_RENDERED_TEXT_H_
