#include "runtime/batch/prompt_fields.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <utility>

#include "kernels/base/activity.h"
#include "runtime/io/strict_json.h"
#include "runtime/text/tokenizer.h"

namespace octet {
namespace {

// The longest text that may be cut. All of its tokens are computed first.
constexpr size_t kMaxCutBytes = size_t{4} << 20;

// The way in which texts of a request become ids.
struct TextReading {
  const RequestLimits& limits;
  bool add_special_tokens;
  bool will_be_cut;
};

Prompt ReadText(const std::string& text, const std::string& name, const TextReading& reading,
                Fields& body) {
  const Tokenizer* tokenizer = reading.limits.tokenizer;
  if (tokenizer == nullptr) {
    body.Fail(name, "must be a list of token ids: the model has no tokenizer");
    return {};
  }
  if (!CheckBytes(text.size(), name, reading.limits, reading.will_be_cut, body)) return {};
  Prompt prompt = {.ids = tokenizer->EncodePrompt(text, reading.add_special_tokens),
                   .text = text,
                   .is_text = true};
  if (prompt.ids.empty()) body.Fail(name, "must not be empty: no BOS token is put in front of it");
  CheckRows(prompt, name, reading.limits, body);
  return prompt;
}

Prompt ReadIds(const Json& ids, const std::string& name, const RequestLimits& limits,
               Fields& body) {
  Prompt prompt;
  if (ids.empty()) body.Fail(name, "must not be an empty list");
  prompt.ids.reserve(ids.size());
  for (const Json& value : ids) {
    const std::optional<int32_t> id = TokenId(value, limits.vocab_size);
    if (!id) {
      body.Fail(Element(name, prompt.ids.size()),
                absl::StrCat("must be a token id below ", limits.vocab_size));
      return {};
    }
    prompt.ids.push_back(*id);
  }
  return prompt;
}

// Reads a list of texts or of lists of ids; its first element decides which.
void ReadPrompts(const Json& list, const TextReading& reading, Fields& body,
                 std::vector<Prompt>& prompts) {
  if (std::ssize(list) > kMaxChoices) {
    return body.Fail("prompt",
                     absl::StrCat("has ", list.size(), " prompts; a line may have ", kMaxChoices));
  }
  const bool texts = list.front().is_string();
  for (const Json& value : list) {
    const std::string name = Element("prompt", prompts.size());
    if (texts && value.is_string()) {
      prompts.push_back(ReadText(value.get_ref<const std::string&>(), name, reading, body));
    } else if (!texts && value.is_array()) {
      prompts.push_back(ReadIds(value, name, reading.limits, body));
    } else {
      body.Fail(name, texts ? "must be a text, as the first prompt is"
                            : "must be a list of token ids, as the first prompt is");
    }
    if (!body.ok()) return;
    Activity::OfThisThread().Tick();
  }
}

}  // namespace

bool CheckBytes(size_t bytes, const std::string& name, const RequestLimits& limits,
                bool will_be_cut, Fields& body) {
  const size_t most = limits.tokenizer->MostBytes(limits.max_model_len);
  if (bytes <= most) return true;
  if (will_be_cut) {
    if (bytes <= kMaxCutBytes) return true;
    body.Fail(name, absl::StrCat("has ", bytes, " bytes; a text that will be cut may have ",
                                 kMaxCutBytes));
    return false;
  }
  body.Fail(name,
            absl::StrCat("has ", bytes, " bytes; the ", limits.max_model_len,
                         " tokens of --max-model-len have at most ", most),
            "context_length_exceeded");
  return false;
}

void CheckRows(const Prompt& prompt, const std::string& name, const RequestLimits& limits,
               Fields& body) {
  const auto has_no_row = [&](int32_t id) { return id >= limits.vocab_size; };
  const auto found = std::find_if(prompt.ids.begin(), prompt.ids.end(), has_no_row);
  if (found == prompt.ids.end()) return;
  body.Fail(name,
            absl::StrCat("holds the token ", Quoted(limits.tokenizer->Piece(*found)), ", whose id ",
                         *found, " is not below the model's vocab_size of ", limits.vocab_size));
}

void TakePrompts(const RequestLimits& limits, Fields& body, BatchRequest& request) {
  const Json* prompt = body.Take("prompt");
  if (prompt == nullptr) return body.FailMissing("prompt");
  const TextReading reading = {
      .limits = limits,
      .add_special_tokens = body.TakeBool("add_special_tokens").value_or(true),
      .will_be_cut = request.truncation.has_value()};
  const bool is_list = prompt->is_array();
  if (is_list && !prompt->empty() && (prompt->front().is_string() || prompt->front().is_array())) {
    ReadPrompts(*prompt, reading, body, request.prompts);
  } else if (is_list) {
    request.prompts = {ReadIds(*prompt, "prompt", limits, body)};
  } else if (prompt->is_string()) {
    request.prompts = {ReadText(prompt->get_ref<const std::string&>(), "prompt", reading, body)};
  } else {
    body.Fail("prompt", "must be a text, a list of token ids, or a list of either");
  }
  if (request.echo) return;
  for (Prompt& each : request.prompts) each.text = {};
}

}  // namespace octet
