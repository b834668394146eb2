#include "runtime/batch/truncation_fields.h"

#include <absl/strings/str_cat.h>

#include <algorithm>

namespace octet {
namespace {

constexpr char kField[] = "truncate_prompt_tokens";

void Cut(int64_t most, bool keeps_end, Prompt& prompt) {
  const int64_t excess = std::ssize(prompt.ids) - most;
  if (excess <= 0) return;
  if (keeps_end) {
    prompt.ids.erase(prompt.ids.begin(), prompt.ids.begin() + excess);
  } else {
    prompt.ids.resize(most);
  }
  // The rest of a text is shown as its tokens decode.
  prompt.text = {};
  prompt.is_text = false;
}

}  // namespace

void TakeTruncation(Fields& body, BatchRequest& request) {
  const std::optional<int64_t> tokens = body.TakeInteger(kField, -1, kMaxInt32);
  const std::string side = body.TakeString("truncation_side").value_or("left");
  if (side != "left" && side != "right") {
    body.Fail("truncation_side", "must be left (keeps the end) or right (keeps the beginning)");
  }
  if (!tokens) return;
  if (*tokens == 0) {
    body.Fail(kField, "must be a number of tokens from 1, or -1 for what leaves room to answer");
  }
  request.truncation = {.tokens = *tokens, .keeps_end = side == "left"};
}

void CutPrompts(const RequestLimits& limits, int64_t answer_tokens, Fields& body,
                BatchRequest& request) {
  if (!request.truncation) return;
  const int64_t room = limits.max_model_len - answer_tokens;
  if (request.truncation->tokens > room) {
    return body.Fail(
        kField, absl::StrCat("is ", request.truncation->tokens, "; an answer of ", answer_tokens,
                             " tokens leaves room for ", std::max<int64_t>(room, 0),
                             " (--max-model-len ", limits.max_model_len, ")"));
  }
  const bool as_many_as_fit = request.truncation->tokens < 0;
  const int64_t most = as_many_as_fit ? std::max<int64_t>(room, 1) : request.truncation->tokens;
  for (Prompt& prompt : request.prompts) Cut(most, request.truncation->keeps_end, prompt);
}

}  // namespace octet
