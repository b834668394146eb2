#include "runtime/io/strict_json.h"

#include <absl/strings/escaping.h>
#include <absl/strings/str_cat.h>

#include <array>
#include <functional>
#include <unordered_set>

namespace octet {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;

struct Violation {
  std::string rule;
};

// Watches a parse for what the resulting document can't show. Throws, as the only way to stop the
// library's parser before a hostile text has filled the memory; nothing leaves ParseStrictJson.
class Observer {
 public:
  bool operator()(int depth, json::parse_event_t event, const json& parsed) {
    if (event == json::parse_event_t::object_start || event == json::parse_event_t::array_start) {
      if (depth >= kMaxDepth) throw Violation{absl::StrCat("is nested deeper than ", kMaxDepth)};
      keys_[depth].clear();
    }
    if (event == json::parse_event_t::key) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_[depth - 1].insert(key).second) {
        throw Violation{absl::StrCat("states the key ", Quoted(key), " twice in one object")};
      }
    }
    return true;
  }

 private:
  std::array<std::unordered_set<std::string>, kMaxDepth>
      keys_;  // [depth]: of the open object, so far
};

}  // namespace

absl::StatusOr<json> ParseStrictJson(const std::string& text, const std::string& where) {
  const auto refuse = [&where](const std::string& rule) {
    return absl::InvalidArgumentError(absl::StrCat(where, ": ", rule));
  };
  // The library takes a NUL between values for the end of the text.
  if (const size_t nul = text.find('\0'); nul != std::string::npos) {
    return refuse(absl::StrCat("is not valid JSON: NUL byte at byte ", nul));
  }
  Observer observer;
  try {
    return json::parse(text, std::ref(observer));
  } catch (const Violation& violation) {
    return refuse(violation.rule);
  } catch (const json::parse_error& error) {
    return refuse(
        absl::StrCat("is not valid UTF-8 JSON: see byte ", error.byte, " of ", text.size()));
  } catch (const json::exception&) {
    return refuse("is not valid JSON: a number is out of range");
  }
}

std::string Quoted(const std::string& text) {
  constexpr size_t kEnd = 100;  // bytes kept at either end
  if (text.size() <= 2 * kEnd) return absl::StrCat("'", absl::Utf8SafeCHexEscape(text), "'");
  return absl::StrCat("'", absl::Utf8SafeCHexEscape(text.substr(0, kEnd)), "…",
                      absl::Utf8SafeCHexEscape(text.substr(text.size() - kEnd)), "'");
}

}  // namespace octet
