// Jinja, as far as chat templates use it.

#ifndef OCTET_RUNTIME_TEXT_JINJA_H_
#define OCTET_RUNTIME_TEXT_JINJA_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/text/jinja_error.h"
#include "runtime/text/jinja_value.h"
#include "runtime/text/rendered_text.h"

namespace octet {

struct JinjaProgram;

// A template that parsed. Immutable: Render() may run on many threads at once.
//
// The language is that of jinja2 3.1 as transformers sets it up: trim_blocks, lstrip_blocks, one
// final newline dropped, no autoescape, break and continue, {% generation %}, the immutable
// sandbox, raise_exception, strftime_now (in UTC), and tojson without HTML escapes. Nothing is
// rendered otherwise than there: what this engine lacks is an error, of Parse where the source
// tells, else of Render. Both are bounded in steps, depth and size (jinja_limits.h).
class JinjaTemplate {
 public:
  // Errors name the line and the construct: kinds kSyntax, kUnsupported and kLimit.
  static absl::StatusOr<JinjaTemplate> Parse(std::string_view source);

  JinjaTemplate(JinjaTemplate&&) noexcept;
  JinjaTemplate& operator=(JinjaTemplate&&) noexcept;
  ~JinjaTemplate();

  // `variables` by name; globals such as raise_exception are there besides. `now`, in seconds since
  // 1970, is what strftime_now tells. Errors have a JinjaErrorKind and name the line; the message
  // of raise_exception stands alone (kRaised).
  absl::StatusOr<RenderedText> Render(
      const std::vector<std::pair<std::string, JinjaValue>>& variables, int64_t now) const;

  // Whether a for loop walks over the `content` of an element of `messages`: such a template wants
  // content as a list of parts. As vLLM finds out (_detect_content_format).
  bool WalksOverContent() const;

  // Whether it reads a variable of this name that it does not make itself.
  bool Uses(std::string_view variable) const;

 private:
  explicit JinjaTemplate(std::unique_ptr<const JinjaProgram> program);

  std::unique_ptr<const JinjaProgram> program_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_TEXT_JINJA_H_
