#include <utility>

#include "tests/support/run_batch_fixture.h"

namespace octet::batch_runs {
namespace {

using testing::HasSubstr;
using testing::Not;

// Each in place of lines of JSON, as a file and as standard input.
TEST_F(RunBatchTest, InputOfAnotherKindIsRefusedBeforeAnythingIsWritten) {
  const std::string model = std::string("--model ") + kDemoModel;
  const std::string lines = kRequest + Renamed("b");
  const std::string array = "[" + lines.substr(0, lines.find('\n')) + "]\n";
  const std::pair<std::string, const char*> inputs[] = {
      {std::string("\xff\xfe{\0\"\0", 6), "is UTF-16"},
      {"BZh91AY&SY", "bzip2 -dc"},
      {"PK\x03\x04" + lines, "is a zip archive"},
      {array, "jq -c '.[]'"},
      {"{\n  \"custom_id\": \"a\"\n}\n", "jq -c ."}};
  for (const auto& [input, message] : inputs) {
    WriteFile(input_, input);
    const std::string stream = "run-batch -i - -o " + output_ + " " + model;
    for (const ProcessResult& result :
         {RunOctet(0, "run-batch " + Files() + model),
          RunOctet(0, "run-batch --dry-run " + Files() + model),
          RunShell("cat " + input_ + " | " + OctetCommand(0) + " " + stream)}) {
      EXPECT_EQ(result.exit_code, 2) << result.output;
      EXPECT_THAT(result.output, HasSubstr(message));
      EXPECT_THAT(result.output, HasSubstr("octet: --input "));
      EXPECT_THAT(result.output, Not(HasSubstr("loaded")));
    }
    EXPECT_FALSE(std::filesystem::exists(output_));
    EXPECT_FALSE(std::filesystem::exists(output_ + ".journal"));
  }
  WriteFile(input_, "custom_id,prompt\na,b\n");
  const ProcessResult result = RunOctet(2, "run-batch " + Files() + model);
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("has no JSON object in its first lines"));
}

TEST_F(RunBatchTest, TextsNeedATokenizer) {
  const std::string job =
      "run-batch " + Files() + "--model " + OCTET_SOURCE_DIR + "/tests/golden/hf/basic";
  for (const char* body : {R"({"prompt": "a"})", R"({"prompt": ["a"]})", R"({"messages": []})"}) {
    WriteFile(input_,
              absl::StrReplaceAll(R"({"custom_id": "a", "url": "/v1/completions", "body": BODY})",
                                  {{"BODY", body}}));
    const ProcessResult result = RunOctet(0, job);
    EXPECT_EQ(result.exit_code, 2) << result.output;
    EXPECT_THAT(result.output, HasSubstr("has texts, and the model has no tokenizer"));
    EXPECT_FALSE(std::filesystem::exists(output_ + ".journal"));
  }
  WriteFile(input_, R"({"custom_id": "a", "url": "/v1/completions", "body": {"prompt": [1]}})");
  EXPECT_EQ(RunOctet(0, job).exit_code, 0);
}

}  // namespace
}  // namespace octet::batch_runs
