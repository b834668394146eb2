// How one value is to be formatted.

#ifndef OCTET_RUNTIME_TEXT_JINJA_FORMAT_SPEC_H_
#define OCTET_RUNTIME_TEXT_JINJA_FORMAT_SPEC_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "runtime/text/jinja/run.h"
#include "runtime/text/jinja/text.h"
#include "runtime/text/jinja/value.h"

namespace octet::jinja {

struct FormatSpec {
  std::string fill = " ";
  char align = '\0';  // < > ^ =, or none
  char sign = '-';    // - + or a space
  bool alternate = false;
  bool comma = false;
  int64_t width = 0;
  int64_t precision = -1;  // none
  char type = '\0';        // none
};

inline constexpr int64_t kMaxFormatNumber = 100'000;  // a width or precision

// The digits that a spec begins with; moves `at`. Numbers that are too large are an error.
int64_t ReadFormatNumber(Run& run, std::string_view text, size_t& at);

// `text` cut to the precision and padded to the width; `align` where the spec has none.
Text FormatText(Run& run, const Text& text, const FormatSpec& spec, char align);

// str.center: an odd blank stands on the left where the width is odd, else on the right.
Text Centered(Run& run, const Text& text, FormatSpec spec);

// A number by the spec's type: d x X o b for integers, f F e E g G % for floats.
Text FormatNumber(Run& run, const Value& value, const FormatSpec& spec);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_FORMAT_SPEC_H_
