#include "runtime/structured/regex_lookaheads.h"

#include <absl/strings/str_cat.h>

#include <utility>

namespace octet {
namespace {

// Calls `use` with each character that is neither escaped nor in a class, its place and the number
// of groups around it, until that returns true. Returns the place, or npos.
template <class Use>
size_t FindSyntax(std::string_view regex, const Use& use) {
  int depth = 0;
  bool in_class = false;
  for (size_t i = 0; i < regex.size(); ++i) {
    const char c = regex[i];
    if (c == '\\') {
      ++i;
    } else if (in_class) {
      in_class = c != ']';
    } else if (c == '[') {
      in_class = true;
    } else {
      if (c == '(') ++depth;
      if (c == ')') --depth;
      if (use(c, depth)) return i;
    }
  }
  return std::string_view::npos;
}

bool HasChoice(std::string_view regex) {
  return FindSyntax(regex, [](char c, int depth) { return c == '|' && depth == 0; }) !=
         std::string_view::npos;
}

bool BeginsWithLookahead(std::string_view regex) {
  return regex.starts_with("(?=") || regex.starts_with("(?!");
}

// Returns an expression that finds the lookahead's own at the beginning of a text.
std::string AtTheBeginning(std::string_view condition) {
  const bool has_anchor = condition.starts_with("^") && !HasChoice(condition);
  if (has_anchor) condition.remove_prefix(1);
  return absl::StrCat("^(?:", std::string(condition), ")");
}

}  // namespace

std::vector<RegexPart> SplitLookaheads(std::string_view regex) {
  std::vector<RegexPart> unchanged = {{.regex = std::string(regex)}};
  if (!regex.starts_with("^")) return unchanged;
  std::string_view rest = regex.substr(1);
  std::vector<RegexPart> parts;
  while (BeginsWithLookahead(rest)) {
    const size_t end = FindSyntax(rest, [](char c, int depth) { return c == ')' && depth == 0; });
    if (end == std::string_view::npos) return unchanged;
    parts.push_back(
        {.regex = AtTheBeginning(rest.substr(3, end - 3)), .is_excluded = rest[2] == '!'});
    rest.remove_prefix(end + 1);
  }
  if (parts.empty() || HasChoice(rest)) return unchanged;
  parts.insert(parts.begin(), {.regex = absl::StrCat("^", std::string(rest))});
  return parts;
}

}  // namespace octet
