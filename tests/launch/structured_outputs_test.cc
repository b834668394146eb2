// Constraints of requests, as a user has them.

#include <absl/strings/str_cat.h>

#include "tests/support/run_batch_fixture.h"
#include "tests/support/schema_validator.h"

namespace octet::batch_runs {
namespace {

using nlohmann::json;
using testing::AnyOf;
using testing::HasSubstr;

// The examples of vLLM's documentation.
constexpr char kCarSchema[] =
    R"({"type": "object", "properties": {"brand": {"type": "string"}, "model": {"type": "string"},
        "car_type": {"type": "string", "enum": ["sedan", "SUV", "Truck", "Coupe"]}},
        "required": ["brand", "model", "car_type"]})";

std::string ChatLine(const std::string& id, const std::string& fields) {
  const std::string line = absl::StrCat(
      R"({"custom_id": ")", id, R"(", "method": "POST", "url": "/v1/chat/completions", "body": )",
      R"({"messages": [{"role": "user", "content": "Go"}], "temperature": 1.5, "max_tokens": 120, )",
      fields, "}}");
  return absl::StrReplaceAll(line, {{"\n", " "}}) + "\n";
}

TEST_F(RunBatchTest, StructuredOutputsAreWhatWasAskedFor) {
  std::string input;
  for (int i = 0; i < 6; ++i) {
    const std::string n = std::to_string(i);
    input +=
        ChatLine("choice" + n, R"("structured_outputs": {"choice": ["positive", "negative"]})");
    input += ChatLine("regex" + n, R"("guided_regex": "\\w+@\\w+\\.com\\n")");
    input +=
        ChatLine("json" + n, absl::StrCat(R"("structured_outputs": {"json": )", kCarSchema, "}"));
    input += ChatLine("object" + n, R"("response_format": {"type": "json_object"})");
  }
  input += ChatLine("refused", R"("guided_json": {"not": {}})");
  WriteFile(input_, input);
  const std::string job = "run-batch " + Files() + "--progress none --model " + kDemoModel;
  const ProcessResult result = RunOctet(0, job);
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const std::string output = ReadFile(output_);
  const auto schema = nlohmann::ordered_json::parse(kCarSchema);
  int whole = 0;
  for (const json& line : ParseLines(output)) {
    const std::string id = line["custom_id"];
    if (id == "refused") {
      EXPECT_THAT(line["error"]["message"].get<std::string>(),
                  HasSubstr("keyword \"not\" is not supported"));
      continue;
    }
    const json& choice = line["response"]["body"]["choices"][0];
    if (choice["finish_reason"] != "stop") continue;
    ++whole;
    const std::string text = choice["message"]["content"];
    if (id.starts_with("choice")) {
      EXPECT_THAT(text, AnyOf("positive", "negative"));
    } else if (id.starts_with("regex")) {
      EXPECT_THAT(text, testing::MatchesRegex("\\w+@\\w+\\.com\n"));
    } else {
      const auto value = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
      EXPECT_TRUE(value.is_object()) << text;
      const bool is_free = id.starts_with("object");
      EXPECT_TRUE(is_free || IsValidBySchema(value, schema, schema)) << text;
    }
  }
  EXPECT_GT(whole, 6) << "more than the choices";

  const ProcessResult again = RunOctet(3, job + " --overwrite --max-num-seqs 3");
  ASSERT_EQ(again.exit_code, 0) << again.output;
  EXPECT_EQ(ReadFile(output_), output) << "on other ranks, in other batches";
}

}  // namespace
}  // namespace octet::batch_runs
