#include "launch/console/one_line.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include "runtime/io/utf8.h"

namespace octet {
namespace {

constexpr size_t kEnd = 600;  // bytes kept at either end

bool IsControl(char32_t c) { return c < 0x20 || (c >= 0x7f && c < 0xa0); }

std::string Printable(std::string_view text, std::string_view kept = "") {
  std::string printable;
  while (!text.empty()) {
    const Utf8Char c = FirstUtf8Char(text);
    const size_t size = c.size > 0 ? c.size : 1;
    if (c.size == 0) {
      printable += kReplacementCharacter;
    } else if (IsControl(c.code_point) && kept.find(text[0]) == std::string_view::npos) {
      absl::StrAppend(&printable, absl::CHexEscape(std::string(text.substr(0, size))));
    } else {
      printable += text.substr(0, size);
    }
    text.remove_prefix(size);
  }
  return printable;
}

}  // namespace

std::string OneLine(std::string_view text) {
  if (text.size() <= 2 * kEnd) return Printable(text);
  return absl::StrCat(Printable(text.substr(0, kEnd)), " … ",
                      Printable(text.substr(text.size() - kEnd)));
}

std::string PrintableLines(std::string_view text) { return Printable(text, "\n\t"); }

}  // namespace octet
