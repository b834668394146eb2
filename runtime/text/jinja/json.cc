#include "runtime/text/jinja/json.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

#include "runtime/text/jinja/compare.h"
#include "runtime/text/jinja/repr.h"
#include "runtime/text/jinja/unicode.h"

namespace octet::jinja {
namespace {

using Kind = Value::Kind;

std::string FloatJson(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
  return FloatRepr(value);
}

class JsonWriter {
 public:
  JsonWriter(Run& run, const JsonStyle& style) : run_(run), style_(style) {}

  void Write(const Value& value) {
    const Level level(run_);
    if (!level.ok() || !run_.Grow(text.size(), kScalarBytes)) return;
    switch (value.kind()) {
      case Kind::kString:
        return WriteString(value.text().view());
      case Kind::kList:
        return WriteList(value.items());
      case Kind::kDict:
        return WriteDict(value.dict());
      default:
        text += Scalar(value);
    }
  }

  std::string text;

 private:
  std::string Scalar(const Value& value) {
    switch (value.kind()) {
      case Kind::kNone:
        return "null";
      case Kind::kBool:
        return value.AsBool() ? "true" : "false";
      case Kind::kInt:
        return absl::StrCat(value.AsInt());
      case Kind::kLargeInt:
        return absl::StrCat(value.AsLargeInt());
      case Kind::kFloat:
        return FloatJson(value.AsFloat());
      default:
        run_.FailType("a value of type " + std::string(TypeName(value)) + " has no form in JSON");
        return "";
    }
  }

  void WriteEscape(char32_t code) {
    constexpr std::string_view kLetters = "\"\\\n\r\t\f\b";
    constexpr const char* kEscapes[] = {"\\\"", "\\\\", "\\n", "\\r", "\\t", "\\f", "\\b"};
    const size_t at = code < 0x80 ? kLetters.find(static_cast<char>(code)) : std::string_view::npos;
    if (at != std::string_view::npos) {
      text += kEscapes[at];
    } else if (code < 0x10000) {
      text += absl::StrFormat("\\u%04x", static_cast<unsigned>(code));
    } else {
      const unsigned rest = static_cast<unsigned>(code) - 0x10000;
      text += absl::StrFormat("\\u%04x\\u%04x", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    }
  }

  void WriteString(std::string_view string) {
    if (!run_.Grow(text.size(), string.size() * (style_.ascii ? 6 : 1))) return;
    text += '"';
    for (size_t at = 0; at < string.size();) {
      const size_t begin = at;
      const char32_t code = NextCodePoint(string, at);
      const bool plain =
          code >= 0x20 && code != '"' && code != '\\' && (!style_.ascii || code < 0x80);
      if (plain) {
        text += string.substr(begin, at - begin);
      } else {
        WriteEscape(code);
      }
    }
    text += '"';
  }

  void Break() {
    if (!style_.indent.has_value()) return;
    if (!run_.Grow(text.size(), style_.indent->size() * static_cast<size_t>(depth_) + 1)) return;
    text += '\n';
    for (int i = 0; i < depth_; ++i) text += *style_.indent;
  }

  void Separate(bool first) {
    if (!first && run_.Grow(text.size(), style_.item_separator.size()))
      text += style_.item_separator;
    Break();
  }

  void WriteList(const std::vector<Value>& items) {
    text += '[';
    ++depth_;
    for (size_t i = 0; i < items.size() && run_.ok(); ++i) {
      Separate(i == 0);
      Write(items[i]);
    }
    --depth_;
    if (!items.empty()) Break();
    text += ']';
  }

  void WriteKey(const Value& key) {
    if (key.Is(Kind::kString)) return WriteString(key.text().view());
    if (key.Is(Kind::kList)) run_.FailType("a tuple can't be a key in JSON");
    absl::StrAppend(&text, "\"", key.Is(Kind::kList) ? "" : Scalar(key), "\"");
  }

  void WriteDict(const Dict& dict) {
    std::vector<const Dict::Item*> items;
    if (!run_.Make(dict.items().size() * sizeof(void*))) return;
    for (const auto& item : dict.items()) items.push_back(&item);
    if (style_.sort_keys) {
      std::stable_sort(items.begin(), items.end(), [&](const auto* a, const auto* b) {
        return run_.ok() && Compare(run_, "<", a->first, b->first);
      });
    }
    text += '{';
    ++depth_;
    for (size_t i = 0; i < items.size() && run_.ok(); ++i) {
      Separate(i == 0);
      WriteKey(items[i]->first);
      if (!run_.Grow(text.size(), style_.key_separator.size())) return;
      text += style_.key_separator;
      Write(items[i]->second);
    }
    --depth_;
    if (!items.empty()) Break();
    text += '}';
  }

  Run& run_;
  const JsonStyle& style_;
  int depth_ = 0;
};

}  // namespace

std::string ToJson(Run& run, const Value& value, const JsonStyle& style) {
  JsonWriter writer(run, style);
  writer.Write(value);
  return std::move(writer.text);
}

}  // namespace octet::jinja
