// Constraints of requests, as a user has them.

#include <absl/strings/str_cat.h>

#include <regex>

#include "tests/support/run_batch_fixture.h"
#include "tests/support/schema_validator.h"

namespace octet::batch_runs {
namespace {

using nlohmann::json;
using testing::AnyOf;
using testing::HasSubstr;

// A schema as pydantic writes one, like that of vLLM's example.
constexpr char kCarSchema[] =
    R"({"$defs": {"CarType": {"enum": ["sedan", "SUV", "Truck", "Coupe"], "title": "CarType",
        "type": "string"}}, "properties": {"brand": {"title": "Brand", "type": "string"},
        "model": {"title": "Model", "type": "string"}, "car_type": {"$ref": "#/$defs/CarType"}},
        "required": ["brand", "model", "car_type"], "title": "CarDescription", "type": "object"})";

std::string ChatLine(const std::string& id, const std::string& fields) {
  const std::string line = absl::StrCat(
      R"({"custom_id": ")", id, R"(", "method": "POST", "url": "/v1/chat/completions", "body": )",
      R"({"messages": [{"role": "user", "content": "Go"}], "temperature": 1.5, "max_tokens": 120, )",
      fields, "}}");
  return absl::StrReplaceAll(line, {{"\n", " "}}) + "\n";
}

// Lines with the constraints of vLLM's examples, under old names and new ones.
std::string ExampleLines() {
  const std::string format = absl::StrCat(
      R"("response_format": {"type": "json_schema", "json_schema": {"name": "car-description",)",
      R"( "schema": )", kCarSchema, "}}");
  std::string input;
  for (int i = 0; i < 6; ++i) {
    const std::string n = std::to_string(i);
    input += ChatLine("choice" + n,
                      i % 2 == 0 ? R"("structured_outputs": {"choice": ["positive", "negative"]})"
                                 : R"("guided_choice": ["positive", "negative"])");
    input += ChatLine("regex" + n, R"("guided_regex": "[a-z0-9.]{1,20}@\\w{6,10}\\.com\\n")");
    input += ChatLine(
        "json" + n,
        i % 2 == 0 ? format : absl::StrCat(R"("structured_outputs": {"json": )", kCarSchema, "}"));
    input += ChatLine("object" + n, R"("response_format": {"type": "json_object"})");
  }
  input += ChatLine("refused keyword", R"("guided_json": {"contains": {}})");
  input += ChatLine("refused grammar", R"("guided_grammar": "root ::= \"SELECT \" [a-z]+")");
  input +=
      ChatLine("refused new grammar", R"("structured_outputs": {"grammar": "root ::= [a-z]+"})");
  input += ChatLine("refused tag", R"("response_format": {"type": "structural_tag", "structures":
      [{"begin": "<function=f>", "schema": {"type": "object"}, "end": "</function>"}],
      "triggers": ["<function="]})");
  return input;
}

// Expects what the answer to a line of ExampleLines must be. Returns whether it came to its end.
bool ExpectExample(const json& line) {
  const std::string id = line["custom_id"];
  if (id.starts_with("refused")) {
    const std::string message = line["error"]["message"];
    EXPECT_THAT(message, id == "refused keyword"
                             ? HasSubstr("keyword \"contains\" is not supported")
                         : id == "refused tag" ? HasSubstr("'structural_tag' is not served")
                                               : HasSubstr("grammar"));
    return false;
  }
  const json& choice = line["response"]["body"]["choices"][0];
  if (choice["finish_reason"] != "stop") return false;
  const std::string text = choice["message"]["content"];
  if (id.starts_with("choice")) {
    EXPECT_THAT(text, AnyOf("positive", "negative"));
  } else if (id.starts_with("regex")) {
    EXPECT_TRUE(std::regex_match(text, std::regex("[a-z0-9.]{1,20}@\\w{6,10}\\.com\n"))) << text;
  } else {
    const auto schema = nlohmann::ordered_json::parse(kCarSchema);
    const auto value = nlohmann::ordered_json::parse(text, nullptr, /*allow_exceptions=*/false);
    EXPECT_TRUE(value.is_object()) << text;
    EXPECT_TRUE(id.starts_with("object") || IsValidBySchema(value, schema, schema)) << text;
  }
  return true;
}

TEST_F(RunBatchTest, StructuredOutputsAreWhatWasAskedFor) {
  WriteFile(input_, ExampleLines());
  const std::string job = "run-batch " + Files() + "--progress none --model " + kDemoModel;
  const ProcessResult result = RunOctet(0, job);
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const std::string output = ReadFile(output_);
  int whole = 0;
  for (const json& line : ParseLines(output)) whole += ExpectExample(line) ? 1 : 0;
  EXPECT_GT(whole, 6) << "more than the choices";

  const ProcessResult again = RunOctet(3, job + " --overwrite --max-num-seqs 3");
  ASSERT_EQ(again.exit_code, 0) << again.output;
  EXPECT_EQ(ReadFile(output_), output) << "on other ranks, in other batches";
}

// Killed at several places, with answers in all states, and gone on with by other ranks.
TEST_F(RunBatchTest, StructuredOutputsOfAKilledJobAreTheSame) {
  WriteFile(input_, ExampleLines());
  const std::string job = "run-batch " + Files() + "--progress none --model " + kDemoModel;
  ASSERT_EQ(RunOctet(0, job).exit_code, 0);
  const std::string expected = ReadFile(output_);
  const std::pair<int, const char*> cases[] = {
      {2, "rank=1,phase=sampling,count=40"},
      {3, "rank=0,phase=schedule,count=90"},
      {2, "rank=0,phase=experts,count=700"},
  };
  for (const auto& [ranks, fault] : cases) {
    std::filesystem::remove(output_);
    std::filesystem::remove_all(output_ + ".journal");
    const ProcessResult killed =
        RunShell(absl::StrCat("OCTET_FAULT=", fault, ",signal=KILL ", OctetCommand(ranks), " ", job,
                              " --max-num-seqs 4"));
    ASSERT_NE(killed.exit_code, 0) << killed.output;
    ASSERT_THAT(killed.output, HasSubstr("OCTET_FAULT"));
    ASSERT_FALSE(std::filesystem::exists(output_)) << fault;
    const ProcessResult resumed =
        RunOctet(5 - ranks, job + " --resume --placement round-robin --max-num-seqs 7");
    ASSERT_EQ(resumed.exit_code, 0) << resumed.output;
    EXPECT_EQ(ReadFile(output_), expected) << fault;
  }
}

TEST_F(RunBatchTest, MasksAreMeasured) {
  const ProcessResult result =
      RunOctet(0, std::string("bench masks --answers 2 --length 10 --model ") + kDemoModel);
  EXPECT_EQ(result.exit_code, 0);
  for (const char* part : {"2048 tokens", "choice", "regex", "json object", "json schema"}) {
    EXPECT_THAT(result.output, HasSubstr(part));
  }
  EXPECT_EQ(RunOctet(0, "bench masks --model /nowhere").exit_code, 2);
}

}  // namespace
}  // namespace octet::batch_runs
