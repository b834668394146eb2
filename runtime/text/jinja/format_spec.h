// The format specification of one value.

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
  int64_t precision = -1;  // -1 if none
  char type = '\0';        // '\0' if none
};

inline constexpr int64_t kMaxFormatNumber = 100'000;  // a width or precision

// Reads the digits that a spec begins with, and moves `at`. Too large numbers are an error.
int64_t ReadFormatNumber(Run& run, std::string_view text, size_t& at);

// Returns `text`, cut to the precision and padded to the width. `align` applies if the spec has
// none.
Text FormatText(Run& run, const Text& text, const FormatSpec& spec, char align);

// Returns str.center: an odd blank is on the left if the width is odd, else on the right.
Text Centered(Run& run, const Text& text, FormatSpec spec);

// Formats a number by the spec's type: d x X o b for integers, f F e E g G % for floats.
Text FormatNumber(Run& run, const Value& value, const FormatSpec& spec);

}  // namespace octet::jinja

#endif  // OCTET_RUNTIME_TEXT_JINJA_FORMAT_SPEC_H_
