// Filters that lay text out.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/jinja/compare.h"
#include "runtime/text/jinja/format_spec.h"
#include "runtime/text/jinja/library.h"
#include "runtime/text/jinja/parameters.h"
#include "runtime/text/jinja/repr.h"
#include "runtime/text/jinja/search.h"
#include "runtime/text/jinja/unicode.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

Text Indentation(Run& run, const Parameters& parameters) {
  if (parameters.Get(0).Is(Kind::kString)) return parameters.String(0);
  const int64_t width = parameters.Integer(0, 4);
  if (width > kMaxFormatNumber) run.Fail(ErrorKind::kLimit, "a width is beyond 100000");
  return Text(
      std::string(static_cast<size_t>(std::clamp<int64_t>(width, 0, kMaxFormatNumber)), ' '));
}

Value Indent(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "indent", arguments, {"width", "first", "blank"});
  const Text indentation = Indentation(run, parameters);
  if (self.Is(Kind::kUndefined)) return run.FailUndefined(self);
  if (!self.Is(Kind::kString)) return run.FailType("indent takes a string");
  if (!run.Read(self.text().size() * 8)) return {};
  const bool blank = parameters.Truth(2, false);
  Text text = self.text();
  text.Append("\n");
  Text indented;
  if (parameters.Truth(1, false)) indented.Append(indentation);
  bool first = true;
  for (const Text& line : Lines(text, /*keep_ends=*/false)) {
    if (!run.Grow(indented.size(), line.size() + indentation.size() + 1)) return {};
    if (!first) indented.Append("\n");
    if (!first && (blank || !line.empty())) indented.Append(indentation);
    indented.Append(line);
    first = false;
  }
  return run.Text(std::move(indented));
}

Value CenterFilter(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "center", arguments, {"width"});
  FormatSpec spec;
  spec.width = parameters.Integer(0, 80);
  if (spec.width > kMaxFormatNumber) {
    return run.Fail(ErrorKind::kLimit, "a width is beyond 100000");
  }
  return run.Text(Centered(run, Str(run, self), spec));
}

Value Truncate(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "truncate", arguments, {"length", "killwords", "end", "leeway"});
  const Text end = parameters.Text(2, "...");
  const auto end_size = static_cast<int64_t>(end.code_points());
  const int64_t length = parameters.Integer(0, 255), leeway = parameters.Integer(3, 5);
  if (length < end_size || leeway < 0) return run.FailType("truncate's length is too small");
  const int64_t size = LengthOf(run, self);
  if (size <= length || size - length <= leeway) return self;
  if (!self.Is(Kind::kString)) return run.FailType("truncate takes a string");
  const Text& text = self.text();
  Text cut = text.Part(0, text.ByteOf(static_cast<size_t>(length - end_size)));
  const size_t blank = cut.bytes().rfind(' ');
  if (!parameters.Truth(1, false) && blank != std::string::npos) cut = cut.Part(0, blank);
  cut.Append(end);
  return run.Text(std::move(cut));
}

Value WordCount(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "wordcount", arguments, {});
  const Text text = Str(run, self);
  if (!run.Read(text.size() * 8)) return {};
  int64_t words = 0;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const char32_t code = NextCodePoint(text.view(), at);
    const bool is_word = code == '_' || (PropertiesOf(code) & kIsAlnum) != 0;
    if (is_word && !in_word) ++words;
    in_word = is_word;
  }
  return Value::Int(words);
}

}  // namespace

std::span<const Entry> LineFilters() {
  static constexpr Entry kFilters[] = {
      {"indent", Indent},       {"center", CenterFilter}, {"truncate", Truncate},
      {"wordcount", WordCount}, {"wordwrap", nullptr},
  };
  return kFilters;
}

}  // namespace octet::jinja
