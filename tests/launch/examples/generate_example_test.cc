#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/support/demo_model.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::HasSubstr;

ProcessResult Generate(int ranks, const std::string& arguments) {
  const auto program = std::filesystem::path(OctetProgram()).replace_filename("generate");
  const std::string launcher =
      ranks == 1 ? "" : MpirunCommand() + " -n " + std::to_string(ranks) + " ";
  return RunShell(kIgnoreLeaks + launcher + program.string() + " " + arguments);
}

// What run-batch answers, asked for the same.
std::string AnswerOfRunBatch(const std::string& directory) {
  WriteFile(directory + "/in.jsonl",
            R"({"custom_id":"a","method":"POST","url":"/v1/completions",)"
            R"("body":{"prompt":"Once upon a time","max_tokens":64,"temperature":0}})"
            "\n");
  const ProcessResult result =
      RunOctet(0, "run-batch --model " + std::string(kDemoModel) + " -i " + directory +
                      "/in.jsonl -o " + directory + "/out.jsonl");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  const auto line = nlohmann::json::parse(ReadFile(directory + "/out.jsonl"));
  return line["response"]["body"]["choices"][0]["text"];
}

TEST(GenerateExample, SaysWhatRunBatchSaysOnAnyRanks) {
  const std::string answer = AnswerOfRunBatch(TestDirectory());
  EXPECT_GT(answer.size(), 10U);
  for (const int ranks : {1, 3}) {
    const ProcessResult result = Generate(ranks, std::string(kDemoModel) + " \"Once upon a time\"");
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.output, answer + "\n");
  }
}

TEST(GenerateExample, SaysWhatIsWrong) {
  const ProcessResult missing = Generate(1, "/no/model Once");
  EXPECT_EQ(missing.exit_code, 2);
  EXPECT_THAT(missing.output, HasSubstr("octet: /no/model"));
  const ProcessResult nothing = Generate(1, "");
  EXPECT_EQ(nothing.exit_code, 2);
  EXPECT_EQ(nothing.output, "octet: usage: generate MODEL PROMPT\n");
}

}  // namespace
}  // namespace octet
