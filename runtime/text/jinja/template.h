// The part of Jinja that chat templates use.

#ifndef OCTET_RUNTIME_TEXT_JINJA_TEMPLATE_H_
#define OCTET_RUNTIME_TEXT_JINJA_TEMPLATE_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/text/jinja/error.h"
#include "runtime/text/jinja/value.h"
#include "runtime/text/rendered_text.h"

namespace octet::jinja {

struct Program;

// A template that parsed. Immutable: Render() may run on many threads at once.
//
// The language is that of jinja2 3.1 as transformers sets it up: trim_blocks, lstrip_blocks, one
// final newline dropped, no autoescape, break and continue, {% generation %}, the immutable
// sandbox, raise_exception, strftime_now (in UTC), and tojson without HTML escapes. Nothing is
// rendered differently: a feature that this engine lacks is an error, of Parse if the source
// shows it, else of Render. Both are bounded in steps, depth and size (limits.h).
class Template {
 public:
  // Parses a template. Errors name the line and the construct: kinds kSyntax, kUnsupported and
  // kLimit.
  static absl::StatusOr<Template> Parse(std::string_view source);

  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  // Renders the template. `variables` are by name, in addition to globals such as raise_exception.
  // `now`, in seconds since 1970, is the time of strftime_now. Errors have an ErrorKind and name
  // the line; the message of raise_exception has no line (kRaised).
  absl::StatusOr<RenderedText> Render(const std::vector<std::pair<std::string, Value>>& variables,
                                      int64_t now) const;

  // Returns whether a for loop walks over the `content` of an element of `messages`: such a
  // template needs content as a list of parts. Decides as vLLM does (_detect_content_format).
  bool WalksOverContent() const;

  // Returns whether the template reads a variable of this name that it does not make itself.
  bool Uses(std::string_view variable) const;

 private:
  explicit Template(std::unique_ptr<const Program> program);

  std::unique_ptr<const Program> program_;
};

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_TEMPLATE_H_
