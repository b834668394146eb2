#include "runtime/batch/sampling_fields.h"

#include <absl/strings/str_cat.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <utility>

#include "runtime/batch/lax_values.h"
#include "runtime/io/strict_json.h"

namespace octet {
namespace {

constexpr int kMaxLogprobs = 20;  // as vLLM's --max-logprobs
constexpr int kMaxAnswers = 128;  // to each prompt, as OpenAI
constexpr float kMaxPenalty = 2;  // this and the next as OpenAI
constexpr float kMaxBias = 100;
constexpr size_t kMaxStops = 64;
constexpr size_t kMaxStopBytes = 4096;

// Returns the id whose decimal form is `text`.
std::optional<int32_t> DecimalTokenId(const std::string& text, int64_t vocab_size) {
  int32_t id = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  const bool valid = error == std::errc() && id >= 0 && id < vocab_size;
  // "07" would be a second name for 7.
  if (!valid || std::to_string(id) != text) return std::nullopt;
  return id;
}

void TakeLogitBias(const RequestLimits& limits, Fields& body, SamplingParams& params) {
  const Json* biases = body.TakeObject("logit_bias");
  if (biases == nullptr) return;
  for (auto field = biases->begin(); field != biases->end(); ++field) {
    const std::optional<int32_t> id = DecimalTokenId(field.key(), limits.vocab_size);
    if (!id) {
      return body.Fail("logit_bias",
                       absl::StrCat("has the key ", Quoted(field.key()),
                                    ", which is not a token id below ", limits.vocab_size));
    }
    const std::optional<double> value = LaxDouble(*field);
    if (!value || *value < -kMaxBias || *value > kMaxBias) {
      return body.Fail("logit_bias", absl::StrCat("must give token ", *id, " a number from ",
                                                  -kMaxBias, " to ", kMaxBias));
    }
    LogitBias& bias = *params.add_logit_bias();
    bias.set_token_id(*id);
    bias.set_bias(static_cast<float>(*value));
  }
  // Sorts by number; the object has them by name.
  std::sort(params.mutable_logit_bias()->begin(), params.mutable_logit_bias()->end(),
            [](const LogitBias& a, const LogitBias& b) { return a.token_id() < b.token_id(); });
}

void TakeStopTexts(const RequestLimits& limits, Fields& body, SamplingParams& params) {
  const Json* stop = body.Take("stop");
  if (stop == nullptr) return;
  if (!stop->is_string() && !stop->is_array()) {
    return body.Fail("stop", "must be a text or a list of texts");
  }
  const size_t size = stop->is_array() ? stop->size() : 1;
  if (size > 0 && limits.tokenizer == nullptr) {
    return body.Fail("stop", "can't be sought: the model has no tokenizer");
  }
  if (size > kMaxStops) {
    return body.Fail("stop", absl::StrCat("must not have more than ", kMaxStops, " texts"));
  }
  for (size_t i = 0; i < size; ++i) {
    const Json& text = stop->is_array() ? (*stop)[i] : *stop;
    if (!text.is_string() || text.get_ref<const std::string&>().empty()) {
      return body.Fail(stop->is_array() ? absl::StrCat("stop[", i, "]") : "stop",
                       "must be a text, and not an empty one");
    }
    if (text.get_ref<const std::string&>().size() > kMaxStopBytes) {
      return body.Fail(stop->is_array() ? absl::StrCat("stop[", i, "]") : "stop",
                       absl::StrCat("must not have more than ", kMaxStopBytes, " bytes"));
    }
    params.add_stop(text.get<std::string>());
  }
}

// Takes a list of token ids, in ascending order and each once. Returns whether there is one.
bool TakeTokenIds(const char* key, const RequestLimits& limits, Fields& body,
                  google::protobuf::RepeatedField<int32_t>& found) {
  const Json* ids = body.TakeArray(key);
  if (ids == nullptr) return false;
  for (const Json& value : *ids) {
    const std::optional<int32_t> id = TokenId(value, limits.vocab_size);
    if (!id) {
      body.Fail(absl::StrCat(key, "[", found.size(), "]"),
                absl::StrCat("must be a token id below ", limits.vocab_size));
      return false;
    }
    found.Add(*id);
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return true;
}

void TakeAllowedTokens(const RequestLimits& limits, Fields& body, SamplingParams& params) {
  auto& ids = *params.mutable_allowed_token_ids();
  const bool is_given = TakeTokenIds("allowed_token_ids", limits, body, ids);
  if (is_given && ids.empty()) body.Fail("allowed_token_ids", "must not be empty");
}

// A chat has a switch and a number.
int32_t TakeChatLogprobs(Fields& body) {
  const bool logprobs = body.TakeBool("logprobs").value_or(false);
  const std::optional<int64_t> top = body.TakeInteger("top_logprobs", 0, kMaxLogprobs);
  if (top.value_or(0) > 0 && !logprobs) {
    body.Fail("top_logprobs", "needs 'logprobs' to be true");
  }
  return logprobs ? static_cast<int32_t>(top.value_or(0)) : -1;
}

}  // namespace

void TakeSampling(const RequestLimits& limits, Fields& body, BatchRequest& request) {
  constexpr auto kLeastSeed = std::numeric_limits<int64_t>::min();
  constexpr auto kMostSeed = std::numeric_limits<int64_t>::max();
  SamplingParams& params = request.params;
  params.set_temperature(
      body.TakeFloat("temperature", 0, kMaxTemperature).value_or(limits.defaults.temperature));
  params.set_top_p(body.TakePositiveFloat("top_p", 1).value_or(limits.defaults.top_p));
  // -1 is vLLM's other value for "all".
  const auto top_k = static_cast<int32_t>(
      body.TakeInteger("top_k", -1, kMaxInt32).value_or(limits.defaults.top_k));
  params.set_top_k(std::max(top_k, 0));
  params.set_min_p(body.TakeFloat("min_p", 0, 1).value_or(limits.defaults.min_p));
  const std::optional<int64_t> seed = body.TakeInteger("seed", kLeastSeed, kMostSeed);
  params.set_has_seed(seed.has_value());
  params.set_seed(seed.value_or(0));
  params.set_presence_penalty(
      body.TakeFloat("presence_penalty", -kMaxPenalty, kMaxPenalty).value_or(0));
  params.set_frequency_penalty(
      body.TakeFloat("frequency_penalty", -kMaxPenalty, kMaxPenalty).value_or(0));
  params.set_repetition_penalty(body.TakePositiveFloat("repetition_penalty", kMaxRepetitionPenalty)
                                    .value_or(limits.defaults.repetition_penalty));
  TakeLogitBias(limits, body, params);
  request.n = static_cast<int32_t>(body.TakeInteger("n", 1, kMaxAnswers).value_or(1));
  if (request.num_choices() > kMaxChoices) {
    body.Fail("prompt", absl::StrCat("and 'n' ask for ", request.num_choices(),
                                     " answers; a line may ask for ", kMaxChoices));
  }
}

void TakeStop(const RequestLimits& limits, Fields& body, BatchRequest& request) {
  SamplingParams& params = request.params;
  TakeStopTexts(limits, body, params);
  TakeTokenIds("stop_token_ids", limits, body, *params.mutable_stop_token_ids());
  TakeAllowedTokens(limits, body, params);
  params.set_ignore_eos(body.TakeBool("ignore_eos").value_or(false));
  params.set_keep_special_tokens(!body.TakeBool("skip_special_tokens").value_or(true));
}

void TakeLogprobs(Fields& body, BatchRequest& request) {
  const auto take_count = [&body](const char* key) {
    return static_cast<int32_t>(body.TakeInteger(key, 0, kMaxLogprobs).value_or(-1));
  };
  const bool is_chat = request.endpoint == Endpoint::kChatCompletions;
  const int32_t logprobs = is_chat ? TakeChatLogprobs(body) : take_count("logprobs");
  request.shown_prompt_logprobs = take_count("prompt_logprobs");
  request.params.set_num_logprobs(logprobs);
  request.params.set_num_prompt_logprobs(
      std::max(request.shown_prompt_logprobs, request.echo ? logprobs : -1));
}

}  // namespace octet
