// The fields that change nothing: at which values they are accepted, and that others are refused.

#include "runtime/batch/inert_fields.h"

#include "tests/support/batch_request_fixture.h"

namespace octet::request_lines {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

struct FieldValue {
  const char* key;
  const char* value;
};

class InertFieldsTest : public BatchRequestFixture {
 protected:
  // The request is the same as without it.
  void ExpectInert(const FieldValue& field) const {
    const std::string text = absl::StrCat("\"", field.key, "\": ", field.value);
    SCOPED_TRACE(text);
    const BatchRequest completion = Accept(CompletionsWith(text));
    EXPECT_EQ(completion.params.SerializeAsString(),
              Accept(CompletionsWith(R"("n": 1)")).params.SerializeAsString());
    EXPECT_EQ(completion.prompts[0].ids, (std::vector<int32_t>{5, 6, 7}));
    EXPECT_EQ(Accept(ChatWith(text)).params.SerializeAsString(),
              Accept(ChatWith(R"("n": 1)")).params.SerializeAsString());
  }

  // With --lenient, too.
  void ExpectBothRefuse(const FieldValue& field, const std::string& code) {
    const std::string text = absl::StrCat("\"", field.key, "\": ", field.value);
    for (const bool lenient : {false, true}) {
      limits_.lenient = lenient;
      ExpectRefused(CompletionsWith(text), field.key, code);
      ExpectRefused(ChatWith(text), field.key, code);
      EXPECT_THAT(Parse(ChatWith(text)).ignored_fields, IsEmpty());
    }
  }
};

// The defaults of vLLM's CompletionRequest, ChatCompletionRequest and SamplingParams and of
// OpenAI's endpoints, and labels.
constexpr FieldValue kInert[] = {
    {"user", R"("me")"},
    {"service_tier", R"("flex")"},
    {"safety_identifier", R"("s")"},
    {"prompt_cache_key", R"("k")"},
    {"prompt_cache_retention", R"("24h")"},
    {"request_id", R"("x")"},
    {"session_id", R"("x")"},
    {"cache_salt", R"("x")"},
    {"metadata", R"({"a": "b"})"},
    {"store", "true"},
    {"store", "0"},
    {"stream", "false"},
    {"stream", R"("off")"},
    {"stream_options", R"({"include_usage": true})"},
    {"prediction", R"({"type": "content", "content": "x"})"},
    {"parallel_tool_calls", "true"},
    {"parallel_tool_calls", "false"},
    {"include_reasoning", "true"},
    {"include_reasoning", "false"},
    {"reasoning_effort", R"("low")"},
    {"verbosity", R"("medium")"},
    {"modalities", R"(["text"])"},
    {"use_beam_search", "false"},
    {"early_stopping", "false"},
    {"length_penalty", "1"},
    {"length_penalty", "1.0"},
    {"best_of", "1"},
    {"suffix", R"("")"},
    {"spaces_between_special_tokens", "true"},
    {"spaces_between_special_tokens", "false"},  // special tokens are skipped
    {"detokenize", "true"},
    {"watermarking", "false"},
    {"logits_processors", "[]"},
    {"prompt_embeds", "[]"},
    {"tools", "[]"},
    {"functions", "[]"},
    {"tool_choice", R"("none")"},
    {"tool_choice", R"("auto")"},
    {"function_call", R"("none")"},
    {"echo", "false"},
    {"top_logprobs", "0"},
    {"add_generation_prompt", "true"},
    {"continue_final_message", "false"},
    {"documents", "[]"},
    {"chat_template_kwargs", "{}"},
    {"mm_processor_kwargs", "{}"},
    {"media_io_kwargs", "{}"},
    {"kv_transfer_params", "{}"},
    {"ec_transfer_params", "{}"},
    {"vllm_xargs", "{}"},
    {"priority", "0"},
    {"return_tokens_as_token_ids", "false"},
    {"return_token_offsets", "false"},
    {"return_prompt_text", "false"},
    {"return_mm_kwargs", "true"},
    {"routed_experts_prompt_start", "0"},
    {"stream_interval", "1"},
    {"thinking_token_budget", "-1"},
    {"guided_decoding_backend", R"("xgrammar")"},
};

TEST_F(InertFieldsTest, ChangeNothing) {
  for (const FieldValue& field : kInert) ExpectInert(field);
  for (const char* key :
       {"guided_grammar", "structural_tag", "logprob_token_ids", "repetition_detection",
        "chat_template", "audio", "web_search_options", "prompt_embeds", "kv_transfer_params"}) {
    ExpectInert({key, "null"});
  }
}

TEST_F(InertFieldsTest, SpecialTokensAreAddedAsAlways) {
  Accept(CompletionsWith(R"("add_special_tokens": true)"));
  Accept(ChatWith(R"("add_special_tokens": false)"));
  ExpectRefused(ChatWith(R"("add_special_tokens": true)"), "add_special_tokens",
                "unsupported_value");
}

TEST_F(InertFieldsTest, HaveTypes) {
  const FieldValue fields[] = {
      {"user", "1"},           {"service_tier", "1"},  {"safety_identifier", "[]"},
      {"request_id", "7"},     {"metadata", "[]"},     {"store", "2"},
      {"stream_options", "1"}, {"priority", R"("x")"}, {"parallel_tool_calls", R"("x")"},
      {"best_of", "1.5"},      {"best_of", R"("x")"},  {"reasoning_effort", R"("much")"},
  };
  for (const FieldValue& field : fields) ExpectBothRefuse(field, "invalid_value");
}

constexpr FieldValue kWouldChangeTheAnswer[] = {
    {"guided_grammar", R"("root")"},
    {"structural_tag", R"("x")"},
    {"logprob_token_ids", "[5]"},
    {"logits_processors", R"(["x"])"},
    {"stream", "true"},
    {"use_beam_search", "true"},
    {"early_stopping", "true"},
    {"length_penalty", "2"},
    {"best_of", "2"},
    {"suffix", R"("x")"},
    {"detokenize", "false"},
    {"thinking_token_budget", "100"},
    {"repetition_detection", "{}"},
    {"tools", R"([{"type": "function"}])"},
    {"tool_choice", R"("required")"},
    {"tool_choice", R"({"type": "function"})"},
    {"functions", R"([{"name": "f"}])"},
    {"function_call", R"({"name": "f"})"},
    {"modalities", R"(["text", "audio"])"},
    {"audio", "{}"},
    {"verbosity", R"("low")"},
    {"web_search_options", "{}"},
    {"chat_template", R"("{{ messages }}")"},
    {"kv_transfer_params", R"({"a": 1})"},
    {"prompt_embeds", R"("x")"},
    {"mm_processor_kwargs", R"({"a": 1})"},
    {"vllm_xargs", R"({"a": 1})"},
    {"watermarking", "true"},
    {"return_tokens_as_token_ids", "true"},
    {"max_new_tokens", "5"},
    {"grammar", R"("root")"},
};

TEST_F(InertFieldsTest, ThatWouldChangeTheAnswerAreRefused) {
  for (const FieldValue& field : kWouldChangeTheAnswer) {
    ExpectBothRefuse(field, "unsupported_value");
  }
  EXPECT_THAT(Refuse(CompletionsWith(R"("stream": true)")).message,
              HasSubstr("must be false, as a batch has no stream, where it is given"));
  EXPECT_THAT(Refuse(ChatWith(R"("guided_grammar": "a")")).message, HasSubstr("leave it out"));
}

TEST_F(InertFieldsTest, ThatDependOnOthers) {
  Accept(CompletionsWith(R"("n": 3, "best_of": 3)"));
  ExpectRefused(CompletionsWith(R"("n": 2, "best_of": 1)"), "best_of", "unsupported_value");
  ExpectRefused(
      CompletionsWith(R"("skip_special_tokens": false, "spaces_between_special_tokens": false)"),
      "spaces_between_special_tokens", "unsupported_value");
}

TEST_F(InertFieldsTest, OfTheOtherEndpointAreNotIgnored) {
  for (const bool lenient : {false, true}) {
    limits_.lenient = lenient;
    ExpectRefused(ChatWith(R"("prompt": "x")"), "prompt", "unsupported_value");
    ExpectRefused(ChatWith(R"("echo": true)"), "echo", "unsupported_value");
    ExpectRefused(CompletionsWith(R"("messages": [])"), "messages", "unsupported_value");
    ExpectRefused(CompletionsWith(R"("top_logprobs": 1)"), "top_logprobs", "unsupported_value");
  }
}

}  // namespace
}  // namespace octet::request_lines
