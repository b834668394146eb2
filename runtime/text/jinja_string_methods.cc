// Methods of Python's str that change or test letters and sides.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "runtime/text/jinja_arguments.h"
#include "runtime/text/jinja_case.h"
#include "runtime/text/jinja_format.h"
#include "runtime/text/jinja_format_spec.h"
#include "runtime/text/jinja_library.h"
#include "runtime/text/jinja_unicode.h"

namespace octet {
namespace {

using Kind = JinjaValue::Kind;

template <JinjaText (*kChange)(const JinjaText&)>
JinjaValue Changed(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "a method of str", arguments, {});
  if (!run.Read(self.text().size() * 16)) return {};
  return run.Text(kChange(self.text()));
}

template <Sides kSides>
JinjaValue Strip(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "strip", arguments, {""});
  std::optional<std::string_view> characters;
  if (!parameters.Get(0).Is(Kind::kNone)) characters = parameters.String(0).view();
  if (!run.ok()) return {};
  return run.Text(Stripped(self.text(), characters, kSides));
}

JinjaValue Test(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments,
                unsigned properties, bool of_empty = false) {
  const JinjaParameters parameters(run, "a method of str", arguments, {});
  if (!run.Read(self.text().size() * 8)) return {};
  const bool empty = self.text().empty();
  return JinjaValue::Bool(empty ? of_empty : AllHave(self.text().view(), properties));
}

template <unsigned kProperties>
JinjaValue Is(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  return Test(run, self, arguments, kProperties);
}

JinjaValue IsPrintable(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  return Test(run, self, arguments, kIsPrintable, /*of_empty=*/true);
}

JinjaValue IsAscii(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "isascii", arguments, {});
  return JinjaValue::Bool(self.text().ascii());
}

template <bool (*kTest)(std::string_view)>
JinjaValue IsInCase(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "a method of str", arguments, {});
  if (!run.Read(self.text().size() * 8)) return {};
  return JinjaValue::Bool(kTest(self.text().view()));
}

JinjaValue Format(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  return BraceFormat(run, self.text(), arguments);
}

JinjaFormatSpec Padding(JinjaRun& run, const JinjaParameters& parameters) {
  JinjaFormatSpec spec;
  spec.width = std::max<int64_t>(0, parameters.Integer(0, 0));
  if (parameters.Has(1)) spec.fill = parameters.String(1).bytes();
  if (spec.width > kMaxFormatNumber) run.Fail(JinjaErrorKind::kLimit, "a width is beyond 100000");
  if (JinjaText(spec.fill).code_points() != 1) run.FailType("a fill is not one character");
  return spec;
}

template <char kAlign>
JinjaValue Justify(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "a method of str", arguments, {"", ""}, 1);
  const JinjaFormatSpec spec = Padding(run, parameters);
  if (!run.ok()) return {};
  return run.Text(FormatText(run, self.text(), spec, kAlign));
}

JinjaValue Center(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "center", arguments, {"", ""}, 1);
  const JinjaFormatSpec spec = Padding(run, parameters);
  if (!run.ok()) return {};
  return run.Text(Centered(run, self.text(), spec));
}

JinjaValue ZeroFill(JinjaRun& run, const JinjaValue& self, const JinjaArguments& arguments) {
  const JinjaParameters parameters(run, "zfill", arguments, {""}, 1);
  JinjaFormatSpec spec = Padding(run, parameters);
  if (!run.ok()) return {};
  const JinjaText& text = self.text();
  const bool has_sign = !text.empty() && (text.bytes()[0] == '-' || text.bytes()[0] == '+');
  const size_t sign = has_sign ? 1 : 0;
  spec.fill.assign(1, '0');
  spec.width = std::max<int64_t>(0, spec.width - static_cast<int64_t>(sign));
  JinjaText filled = text.Part(0, sign);
  filled.Append(FormatText(run, text.Part(sign, text.size()), spec, '>'));
  return run.Text(std::move(filled));
}

}  // namespace

std::span<const JinjaEntry> JinjaStringMethods() {
  static constexpr JinjaEntry kMethods[] = {
      {"strip", Strip<Sides::kBoth>},
      {"lstrip", Strip<Sides::kLeft>},
      {"rstrip", Strip<Sides::kRight>},
      {"upper", Changed<Upper>},
      {"lower", Changed<Lower>},
      {"title", Changed<Titled>},
      {"capitalize", Changed<Capitalized>},
      {"swapcase", Changed<CaseSwapped>},
      {"isalpha", Is<kIsAlpha>},
      {"isalnum", Is<kIsAlnum>},
      {"isdigit", Is<kIsDigit>},
      {"isdecimal", Is<kIsDecimal>},
      {"isnumeric", Is<kIsNumeric>},
      {"isspace", Is<kIsSpace>},
      {"isprintable", IsPrintable},
      {"isascii", IsAscii},
      {"islower", IsInCase<IsLower>},
      {"isupper", IsInCase<IsUpper>},
      {"format", Format},
      {"ljust", Justify<'<'>},
      {"rjust", Justify<'>'>},
      {"center", Center},
      {"zfill", ZeroFill},
      {"casefold", nullptr},
      {"encode", nullptr},
      {"expandtabs", nullptr},
      {"format_map", nullptr},
      {"isidentifier", nullptr},
      {"istitle", nullptr},
      {"maketrans", nullptr},
      {"translate", nullptr},
  };
  return kMethods;
}

}  // namespace octet
