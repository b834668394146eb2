// Methods of Python's str that change or test letters and sides.

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "runtime/text/jinja/case.h"
#include "runtime/text/jinja/format.h"
#include "runtime/text/jinja/format_spec.h"
#include "runtime/text/jinja/library.h"
#include "runtime/text/jinja/parameters.h"
#include "runtime/text/jinja/unicode.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

template <Text (*kChange)(const Text&)>
Value ChangeMethod(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "a method of str", arguments, {});
  if (!run.Read(self.text().size() * 16)) return {};
  return run.Text(kChange(self.text()));
}

template <Sides kSides>
Value Strip(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "strip", arguments, {""});
  std::optional<std::string_view> characters;
  if (!parameters.Get(0).Is(Kind::kNone)) characters = parameters.String(0).view();
  if (!run.ok()) return {};
  return run.Text(Stripped(self.text(), characters, kSides));
}

Value TestLetters(Run& run, const Value& self, const Arguments& arguments, unsigned properties,
                  bool of_empty = false) {
  const Parameters parameters(run, "a method of str", arguments, {});
  if (!run.Read(self.text().size() * 8)) return {};
  const bool empty = self.text().empty();
  return Value::Bool(empty ? of_empty : AllHave(self.text().view(), properties));
}

template <unsigned kProperties>
Value Is(Run& run, const Value& self, const Arguments& arguments) {
  return TestLetters(run, self, arguments, kProperties);
}

Value IsPrintable(Run& run, const Value& self, const Arguments& arguments) {
  return TestLetters(run, self, arguments, kIsPrintable, /*of_empty=*/true);
}

Value IsAscii(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "isascii", arguments, {});
  return Value::Bool(self.text().ascii());
}

template <bool (*kTest)(std::string_view)>
Value TestCase(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "a method of str", arguments, {});
  if (!run.Read(self.text().size() * 8)) return {};
  return Value::Bool(kTest(self.text().view()));
}

Value FormatMethod(Run& run, const Value& self, const Arguments& arguments) {
  return BraceFormat(run, self.text(), arguments);
}

FormatSpec Padding(Run& run, const Parameters& parameters) {
  FormatSpec spec;
  spec.width = std::max<int64_t>(0, parameters.Integer(0, 0));
  if (parameters.Has(1)) spec.fill = parameters.String(1).bytes();
  if (spec.width > kMaxFormatNumber) run.Fail(ErrorKind::kLimit, "a width is beyond 100000");
  if (Text(spec.fill).code_points() != 1) run.FailType("a fill is not one character");
  return spec;
}

template <char kAlign>
Value Justify(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "a method of str", arguments, {"", ""}, 1);
  const FormatSpec spec = Padding(run, parameters);
  if (!run.ok()) return {};
  return run.Text(FormatText(run, self.text(), spec, kAlign));
}

Value CenterMethod(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "center", arguments, {"", ""}, 1);
  const FormatSpec spec = Padding(run, parameters);
  if (!run.ok()) return {};
  return run.Text(Centered(run, self.text(), spec));
}

Value ZeroFill(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "zfill", arguments, {""}, 1);
  FormatSpec spec = Padding(run, parameters);
  if (!run.ok()) return {};
  const Text& text = self.text();
  const bool has_sign = !text.empty() && (text.bytes()[0] == '-' || text.bytes()[0] == '+');
  const size_t sign = has_sign ? 1 : 0;
  spec.fill.assign(1, '0');
  spec.width = std::max<int64_t>(0, spec.width - static_cast<int64_t>(sign));
  Text filled = text.Part(0, sign);
  filled.Append(FormatText(run, text.Part(sign, text.size()), spec, '>'));
  return run.Text(std::move(filled));
}

}  // namespace

std::span<const Entry> StringMethods() {
  static constexpr Entry kMethods[] = {
      {"strip", Strip<Sides::kBoth>},
      {"lstrip", Strip<Sides::kLeft>},
      {"rstrip", Strip<Sides::kRight>},
      {"upper", ChangeMethod<Upper>},
      {"lower", ChangeMethod<Lower>},
      {"title", ChangeMethod<Titled>},
      {"capitalize", ChangeMethod<Capitalized>},
      {"swapcase", ChangeMethod<CaseSwapped>},
      {"isalpha", Is<kIsAlpha>},
      {"isalnum", Is<kIsAlnum>},
      {"isdigit", Is<kIsDigit>},
      {"isdecimal", Is<kIsDecimal>},
      {"isnumeric", Is<kIsNumeric>},
      {"isspace", Is<kIsSpace>},
      {"isprintable", IsPrintable},
      {"isascii", IsAscii},
      {"islower", TestCase<IsLower>},
      {"isupper", TestCase<IsUpper>},
      {"format", FormatMethod},
      {"ljust", Justify<'<'>},
      {"rjust", Justify<'>'>},
      {"center", CenterMethod},
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

}  // namespace octet::jinja
