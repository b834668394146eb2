// Lines of a batch, and what they are read as.

#ifndef OCTET_TESTS_SUPPORT_BATCH_REQUEST_FIXTURE_H_
#define OCTET_TESTS_SUPPORT_BATCH_REQUEST_FIXTURE_H_

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "runtime/batch/batch_line.h"
#include "runtime/text/mistral_forms.h"
#include "tests/support/demo_model.h"

namespace octet::request_lines {

inline constexpr int64_t kVocabSize = 2048;
inline constexpr int64_t kMaxModelLen = 64;

inline std::string Line(const std::string& url, const std::string& body) {
  return absl::StrCat(R"({"custom_id": "a", "method": "POST", "url": ")", url, R"(", "body": )",
                      body, "}");
}
inline std::string Completions(const std::string& body) { return Line("/v1/completions", body); }
inline std::string Chat(const std::string& body) { return Line("/v1/chat/completions", body); }

// A body with a prompt of three ids, or a message, and these fields.
inline std::string CompletionsWith(const std::string& fields) {
  return Completions(absl::StrCat(R"({"prompt": [5, 6, 7], )", fields, "}"));
}
inline std::string ChatWith(const std::string& fields) {
  return Chat(absl::StrCat(R"({"messages": [{"role": "user", "content": "Hi"}], )", fields, "}"));
}

// A list of so many ids.
inline std::string Ids(int count) {
  std::string ids = "[1";
  for (int i = 1; i < count; ++i) absl::StrAppend(&ids, ", ", i);
  return ids + "]";
}

// Reads lines with the demo's tokenizer.
class BatchRequestFixture : public testing::Test {
 protected:
  ParsedLine Parse(const std::string& line) const { return ParseBatchLine(line, limits_); }

  BatchRequest Accept(const std::string& line) const {
    const ParsedLine parsed = Parse(line);
    const auto* error = std::get_if<RequestError>(&parsed.request);
    EXPECT_EQ(error, nullptr) << line.substr(0, 300) << ": " << error->message;
    return error == nullptr ? std::get<BatchRequest>(parsed.request)
                            : BatchRequest{.prompts = {{}}};
  }

  RequestError Refuse(const std::string& line) const {
    const ParsedLine parsed = Parse(line);
    const auto* error = std::get_if<RequestError>(&parsed.request);
    EXPECT_NE(error, nullptr) << "accepted: " << line.substr(0, 300);
    return error == nullptr ? RequestError{.code = "none"} : *error;
  }

  // The error is about `param`, and says so.
  void ExpectRefused(const std::string& line, const std::string& param,
                     const std::string& code = "invalid_value",
                     const std::string& message = "") const {
    SCOPED_TRACE(line.substr(0, 300));
    const RequestError error = Refuse(line);
    EXPECT_EQ(error.param, param) << error.message;
    EXPECT_EQ(error.code, code) << error.message;
    EXPECT_THAT(error.message, testing::HasSubstr(absl::StrCat("'", param, "' ")));
    EXPECT_THAT(error.message, testing::HasSubstr(message));
  }

  // What a conversation of one user's text becomes.
  std::vector<int32_t> IdsOfChat(const std::string& text) const {
    const Conversation conversation = {.messages = {{.role = "user", .parts = {text}}}};
    return tokenizer_.EncodeRendered(chat_.Render(conversation, 0).value());
  }

  Tokenizer tokenizer_ = DemoTokenizer();
  ChatTemplates chat_ = ChatTemplates::FromSource(MistralV1Form(), "v1", tokenizer_).value();
  RequestLimits limits_ = {.tokenizer = &tokenizer_,
                           .chat = &chat_,
                           .vocab_size = kVocabSize,
                           .max_model_len = kMaxModelLen};
};

}  // namespace octet::request_lines

#endif  // OCTET_TESTS_SUPPORT_BATCH_REQUEST_FIXTURE_H_
