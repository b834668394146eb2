// Requests to models as they are published, beside what transformers and vLLM make of them.

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "runtime/batch/batch_line.h"
#include "runtime/text/chat_template.h"
#include "runtime/text/tokenizer.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/oracle.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using Json = nlohmann::ordered_json;
using testing::HasSubstr;

constexpr char kModel[] = "model";

// A model directory of the oracle with its vocabulary, and what its requests become.
class PublishedModel {
 public:
  PublishedModel(const std::string& oracle, const std::string& name, const Json& expected) {
    const std::filesystem::path directory = oracle + "/chat/cases/" + name + "/model";
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
      if (!entry.is_regular_file()) continue;
      const auto relative = std::filesystem::relative(entry.path(), directory);
      files_.files[absl::StrCat(kModel, "/", relative.string())] = ReadFile(entry.path());
    }
    if (expected["tokenizer_model"].is_string()) {
      const bool is_v1 = expected["tokenizer_model"] == "v1";
      files_.files[absl::StrCat(kModel, "/tokenizer.model")] = ReadFile(
          oracle + (is_v1 ? "/tokenizer/tokenizer.model.v1" : "/chat/vocab/mini_v3.model"));
    }
    const Json config = Json::parse(files_.files.at(absl::StrCat(kModel, "/config.json")));
    absl::StatusOr<Tokenizer> tokenizer = LoadTokenizerFor(files_, kModel);
    EXPECT_TRUE(tokenizer.ok()) << name << ": " << tokenizer.status();
    tokenizer_ = std::make_unique<Tokenizer>(*std::move(tokenizer));
    absl::StatusOr<ChatTemplates> chat = ChatTemplates::Load(files_, kModel, *tokenizer_);
    EXPECT_TRUE(chat.ok()) << name << ": " << chat.status();
    chat_ = std::make_unique<ChatTemplates>(*std::move(chat));
    limits_ = {.tokenizer = tokenizer_.get(),
               .chat = chat_.get(),
               .vocab_size = config["vocab_size"],
               .max_model_len = 32768};
  }

  std::variant<BatchRequest, RequestError> Ask(const std::string& url, Json body) const {
    const Json line = {
        {"custom_id", "a"}, {"method", "POST"}, {"url", url}, {"body", std::move(body)}};
    return ParseBatchLine(line.dump(), limits_).request;
  }

  const Tokenizer& tokenizer() const { return *tokenizer_; }

 private:
  MemoryFileSystem files_;
  std::unique_ptr<Tokenizer> tokenizer_;
  std::unique_ptr<ChatTemplates> chat_;
  RequestLimits limits_;
};

std::vector<int32_t> IdsOf(const std::variant<BatchRequest, RequestError>& asked) {
  const auto* request = std::get_if<BatchRequest>(&asked);
  if (request != nullptr) return request->prompts.at(0).ids;
  ADD_FAILURE() << std::get<RequestError>(asked).message;
  return {};
}

void CheckConversation(const PublishedModel& model, const Json& expected) {
  Json body = expected["request"];
  body["max_tokens"] = 1;
  const auto asked = model.Ask("/v1/chat/completions", body);
  if (expected.contains("error")) {
    const auto* error = std::get_if<RequestError>(&asked);
    ASSERT_NE(error, nullptr) << "answered";
    EXPECT_THAT(error->message, HasSubstr(expected["error"].value("message", "")));
  } else if (expected.value("control_in_content", false)) {
    EXPECT_FALSE(IdsOf(asked).empty());  // whose spellings stay text here
  } else {
    EXPECT_EQ(IdsOf(asked), expected["ids"].get<std::vector<int32_t>>());
  }
}

void CheckPrompt(const PublishedModel& model, const Json& expected) {
  for (const bool add_special_tokens : {true, false}) {
    const auto asked = model.Ask("/v1/completions", {{"prompt", expected["prompt"]},
                                                     {"add_special_tokens", add_special_tokens}});
    const auto ids = expected[add_special_tokens ? "ids" : "ids_bare"].get<std::vector<int32_t>>();
    if (expected.contains("error") || ids.empty()) {  // nothing is nothing to go on from
      EXPECT_TRUE(std::holds_alternative<RequestError>(asked)) << "answered";
    } else {
      EXPECT_EQ(IdsOf(asked), ids);
    }
  }
}

class ChatOracleTest : public testing::TestWithParam<const char*> {};

TEST_P(ChatOracleTest, RequestsBecomeTheIdsOfTransformers) {
  const auto oracle = OraclePath("");
  OCTET_SKIP_WITHOUT_ORACLE(oracle, "chat templates and tokens of published models (chat/)");
  const Json expected =
      Json::parse(ReadFile(absl::StrCat(*oracle, "/chat/cases/", GetParam(), "/expected.json")));
  const PublishedModel model(*oracle, GetParam(), expected);
  for (const Json& conversation : expected.value("chat", Json::array())) {
    SCOPED_TRACE(conversation["name"].get<std::string>());
    CheckConversation(model, conversation);
  }
  for (const Json& prompt : expected.value("prompts", Json::array())) {
    SCOPED_TRACE(prompt.dump().substr(0, 300));
    CheckPrompt(model, prompt);
  }
  for (const Json& decode : expected.value("decodes", Json::array())) {
    SCOPED_TRACE(decode.dump().substr(0, 300));
    EXPECT_EQ(model.tokenizer().Decode(decode["ids"].get<std::vector<int32_t>>()),
              decode["text_skip_special"].get<std::string>());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Published, ChatOracleTest,
    testing::Values("add-bos-false", "add-eos-true", "added-token-flags",
                    "additional-templates-folder", "alpaca", "base-model", "broken-template",
                    "chatml-comments", "content-loop", "fusionnet-moe", "hermes-tool_use",
                    "ids-above-vocab-size", "jinja-file-over-config", "legacy-false", "metharme",
                    "mistral-v3-tools", "mistral-v7", "mixtral-8x22b-instruct-named",
                    "mixtral-8x7b-instruct", "named-without-default", "nous-hermes-2-mixtral",
                    "older-files", "openchat", "orca-vicuna", "tokenizer-json-add-bos-false",
                    "tokenizer-json-added-tokens", "tokenizer-json-metaspace",
                    "tokenizer-json-no-post-processor", "tokenizer-json-post-processor-eos",
                    "tokenizer-json-prepend", "tokenizer-json-v5", "zephyr"),
    [](const auto& info) {
      std::string name = info.param;
      std::replace(name.begin(), name.end(), '-', '_');
      return name;
    });

}  // namespace
}  // namespace octet
