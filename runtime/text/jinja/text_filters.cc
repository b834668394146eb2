// Filters that give text.

#include <algorithm>
#include <cctype>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runtime/text/jinja/access.h"
#include "runtime/text/jinja/case.h"
#include "runtime/text/jinja/compare.h"
#include "runtime/text/jinja/format.h"
#include "runtime/text/jinja/format_spec.h"
#include "runtime/text/jinja/json.h"
#include "runtime/text/jinja/library.h"
#include "runtime/text/jinja/parameters.h"
#include "runtime/text/jinja/repr.h"
#include "runtime/text/jinja/search.h"
#include "runtime/text/jinja/unicode.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

template <Text (*kChange)(const Text&)>
Value ChangeFilter(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "filter", arguments, {});
  const Text text = Str(run, self);
  if (!run.Read(text.size() * 16)) return {};
  return run.Text(kChange(text));
}

// Capitalizes words. They begin after a blank, - ( { [ or <.
Text TitledWords(const Text& text) {
  constexpr std::string_view kBeforeWord = "-({[<";
  Text titled;
  bool separates = true;
  size_t begin = 0;
  const auto flush = [&](size_t end) {
    if (begin == end) return;
    size_t first = begin;
    NextCodePoint(text.view(), first);
    titled.Append(Upper(text.Part(begin, first)));
    titled.Append(Lower(text.Part(first, end)));
    begin = end;
  };
  for (size_t at = 0; at < text.size();) {
    const size_t here = at;
    const char32_t code = NextCodePoint(text.view(), at);
    const bool is_separator =
        (code < 0x80 && kBeforeWord.find(static_cast<char>(code)) != std::string_view::npos) ||
        (PropertiesOf(code) & kIsSpace) != 0;
    if (is_separator != separates) flush(here);
    separates = is_separator;
  }
  flush(text.size());
  return titled;
}

Value Trim(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "trim", arguments, {"chars"});
  std::optional<std::string_view> characters;
  if (!parameters.Get(0).Is(Kind::kNone)) characters = parameters.String(0).view();
  return run.Text(Stripped(Str(run, self), characters, Sides::kBoth));
}

Value ReplaceText(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "replace", arguments, {"old", "new", "count"}, 2);
  return Replaced(run, Str(run, self), parameters.Text(0, ""), parameters.Text(1, ""),
                  parameters.Integer(2, -1));
}

Value JoinFilter(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "join", arguments, {"d", "attribute"});
  std::vector<Value> items = ItemsOf(run, self);
  for (Value& item : items) {
    if (run.ok()) item = FollowPath(run, item, parameters.Get(1));
  }
  return Joined(run, parameters.Text(0, ""), items);
}

Value String(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "string", arguments, {});
  return self.Is(Kind::kString) ? self : run.Text(Str(run, self));
}

Value FormatFilter(Run& run, const Value& self, const Arguments& arguments) {
  const Text format = Str(run, self);
  if (arguments.named.empty()) {
    return PercentFormat(run, format, run.Tuple(arguments.positional));
  }
  if (!arguments.positional.empty()) return run.FailType("format takes one kind of arguments");
  auto dict = std::make_shared<Dict>();
  for (const auto& [name, value] : arguments.named) dict->Set(run.Text(name), value);
  return PercentFormat(run, format, run.Dict(std::move(dict)));
}

Value ToJsonFilter(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "tojson", arguments,
                              {"ensure_ascii", "indent", "separators", "sort_keys"});
  JsonStyle style;
  style.ascii = parameters.Truth(0, false);
  style.sort_keys = parameters.Truth(3, false);
  const Value indent = parameters.Get(1);
  if (indent.Is(Kind::kString)) {
    style.indent = indent.text().bytes();
  } else if (!indent.Is(Kind::kNone)) {
    const int64_t width = parameters.Integer(1, 0);
    if (width > kMaxFormatNumber) return run.Fail(ErrorKind::kLimit, "indent is too large");
    style.indent = std::string(static_cast<size_t>(std::max<int64_t>(width, 0)), ' ');
  }
  style.item_separator = style.indent.has_value() ? "," : ", ";
  if (const Value separators = parameters.Get(2); !separators.Is(Kind::kNone)) {
    const std::vector<Value> parts = ItemsOf(run, separators);
    if (parts.size() != 2 || !parts[0].Is(Kind::kString) || !parts[1].Is(Kind::kString)) {
      return run.FailType("separators of tojson are two strings");
    }
    style.item_separator = parts[0].text().bytes();
    style.key_separator = parts[1].text().bytes();
  }
  return run.Text(Text(ToJson(run, self, style), self.any_outside()));
}

Value Escape(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "escape", arguments, {});
  const Text text = Str(run, self);
  constexpr std::string_view kSpecial = "&<>'\"";
  constexpr std::string_view kEntities[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
  Text escaped;
  if (!run.MakeText(text.size() * 5)) return {};
  for (size_t at = 0; at < text.size();) {
    const size_t plain = std::min(text.bytes().find_first_of(kSpecial, at), text.size());
    escaped.AppendPart(text, at, plain);
    at = plain;
    if (at == text.size()) break;
    escaped.Append(kEntities[kSpecial.find(text.bytes()[at])], text.OutsideAt(at));
    ++at;
  }
  return run.Text(std::move(escaped));
}

Value UrlEncode(Run& run, const Value& self, const Arguments& arguments) {
  const Parameters parameters(run, "urlencode", arguments, {});
  if (!self.Is(Kind::kString)) return run.FailUnsupported("urlencode of what is no string");
  constexpr std::string_view kHex = "0123456789ABCDEF";
  Text encoded;
  const Text& text = self.text();
  if (!run.MakeText(text.size() * 3)) return {};
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text.bytes()[i]);
    const bool plain =
        (byte < 0x80 && std::isalnum(byte) != 0) ||
        std::string_view("_.-~/").find(static_cast<char>(byte)) != std::string_view::npos;
    const char quoted[] = {'%', kHex[byte >> 4], kHex[byte & 15]};
    const char kept[] = {static_cast<char>(byte)};
    encoded.Append(plain ? std::string_view(kept, 1) : std::string_view(quoted, 3),
                   text.OutsideAt(i));
  }
  return run.Text(std::move(encoded));
}

}  // namespace

std::span<const Entry> TextFilters() {
  static constexpr Entry kFilters[] = {
      {"upper", ChangeFilter<Upper>},
      {"lower", ChangeFilter<Lower>},
      {"capitalize", ChangeFilter<Capitalized>},
      {"title", ChangeFilter<TitledWords>},
      {"trim", Trim},
      {"replace", ReplaceText},
      {"join", JoinFilter},
      {"string", String},
      {"format", FormatFilter},
      {"tojson", ToJsonFilter},
      {"e", Escape},
      {"escape", Escape},
      {"safe", String},
      {"urlencode", UrlEncode},
      {"attr", nullptr},
      {"filesizeformat", nullptr},
      {"forceescape", nullptr},
      {"pprint", nullptr},
      {"random", nullptr},
      {"striptags", nullptr},
      {"urlize", nullptr},
      {"xmlattr", nullptr},
  };
  return kFilters;
}

}  // namespace octet::jinja
