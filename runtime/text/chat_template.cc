#include "runtime/text/chat_template.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>

#include "runtime/io/strict_json.h"

namespace octet {
namespace {

// Checks that `turns`, which begin at messages[first_index], are user, assistant, user, ...
absl::Status CheckTurns(std::span<const ChatMessage> turns, size_t first_index) {
  for (size_t i = 0; i < turns.size(); ++i) {
    const std::string expected = i % 2 == 0 ? "user" : "assistant";
    if (turns[i].role == expected) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "messages[", first_index + i, "].role is ", Quoted(turns[i].role), ", but '", expected,
        "' must stand there: after at most one system message, which comes first, user and "
        "assistant take turns"));
  }
  if (turns.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "messages[", first_index, "] is missing: at least one message of role 'user' is needed"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<int32_t>> EncodeMixtralInstruct(const Tokenizer& tokenizer,
                                                           std::span<const ChatMessage> messages) {
  if (tokenizer.bos_id() < 0 || tokenizer.eos_id() < 0) {
    return absl::FailedPreconditionError(
        "the tokenizer has no BOS or no EOS piece, which the Mixtral Instruct chat template needs");
  }
  const bool has_system = !messages.empty() && messages[0].role == "system";
  const std::span<const ChatMessage> turns = messages.subspan(has_system ? 1 : 0);
  if (const auto status = CheckTurns(turns, has_system ? 1 : 0); !status.ok()) return status;

  std::vector<int32_t> ids = {tokenizer.bos_id()};
  std::string before_text = has_system ? messages[0].content + "\n\n" : "";
  for (const ChatMessage& turn : turns) {
    const bool from_user = turn.role == "user";
    // Each part is encoded on its own, so that it begins with a space of its own.
    const std::vector<int32_t> part = tokenizer.Encode(
        from_user ? absl::StrCat("[INST] ", before_text, turn.content, " [/INST]") : turn.content);
    ids.insert(ids.end(), part.begin(), part.end());
    if (!from_user) ids.push_back(tokenizer.eos_id());
    before_text.clear();
  }
  return ids;
}

}  // namespace octet
