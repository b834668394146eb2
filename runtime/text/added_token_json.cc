#include "runtime/text/added_token_json.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include "runtime/text/vocabulary.h"

namespace octet {

absl::StatusOr<AddedToken> ReadAddedToken(const nlohmann::json& value) {
  if (!value.is_object()) return absl::InvalidArgumentError("must be an object with content");
  const auto content = value.find("content");
  if (content == value.end() || !content->is_string()) {
    return absl::InvalidArgumentError("has no content that is a text");
  }
  AddedToken token = {.content = content->get<std::string>()};
  if (token.content.empty() || token.content.size() > kMaxPieceBytes) {
    return absl::InvalidArgumentError(absl::StrCat("has a content of ", token.content.size(),
                                                   " bytes; 1 to ", kMaxPieceBytes,
                                                   " can be read"));
  }
  struct Flag {
    const char* name;
    bool AddedToken::*member;
  };
  for (const auto& [name, member] :
       {Flag{"lstrip", &AddedToken::lstrip}, Flag{"rstrip", &AddedToken::rstrip},
        Flag{"single_word", &AddedToken::single_word}, Flag{"normalized", &AddedToken::normalized},
        Flag{"special", &AddedToken::special}}) {
    const auto flag = value.find(name);
    if (flag == value.end()) continue;
    if (!flag->is_boolean()) {
      return absl::InvalidArgumentError(
          absl::StrCat("has '", name, "', which must be true or false"));
    }
    token.*member = flag->get<bool>();
  }
  if (!value.contains("normalized")) token.normalized = !token.special;
  return token;
}

}  // namespace octet
