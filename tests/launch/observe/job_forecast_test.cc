#include "launch/replay/job_forecast.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::HasSubstr;

TEST(AnswerLengths, OfManyASampleStandsForAll) {
  for (const int count : {1, 7, 8, 9, 1000}) {
    AnswerLengths lengths(8);
    for (int i = 0; i < count; ++i) lengths.Add({.prompt = 3, .answer = 2});
    const int64_t kept = std::ssize(lengths.kept());
    EXPECT_LE(kept, 8);
    EXPECT_GE(kept, std::min(count, 4));
    EXPECT_DOUBLE_EQ(lengths.scale(), static_cast<double>(count) / static_cast<double>(kept));
  }
  AnswerLengths huge(8);
  for (int i = 0; i < 3; ++i) huge.Add({.prompt = AnswerLengths::kMostTokens});
  EXPECT_EQ(huge.kept().size(), 1U);
  EXPECT_DOUBLE_EQ(huge.scale(), 3);
  AnswerLengths lengths(4);
  for (int i = 0; i < 32; ++i) lengths.Add({.prompt = i});
  std::vector<int64_t> prompts;
  for (const auto& kept : lengths.kept()) prompts.push_back(kept.prompt);
  EXPECT_THAT(prompts, testing::ElementsAre(0, 8, 16, 24));
}

class JobForecastTest : public testing::Test {
 protected:
  ProcessResult RunBatch(int ranks, const std::string& flags) const {
    return RunOctet(ranks, absl::StrCat("run-batch --model ", kDemoModel, " -i ", directory_,
                                        "/in.jsonl -o ", directory_, "/out.jsonl --threads 1 ",
                                        "--prefix-cache off --max-num-seqs 6 ", flags));
  }

  const std::string directory_ = TestDirectory();
  const std::string profile_ = directory_ + "/node.txt";
};

// Where answers are as long as they may be, the steps are those of the run.
TEST_F(JobForecastTest, HasTheStepsOfTheRun) {
  std::string lines;
  for (int i = 0; i < 20; ++i) {
    absl::StrAppend(&lines, R"({"custom_id": "r)", i, R"(", "url": "/v1/completions", "body": )",
                    R"({"prompt": [1, 5, 9], "ignore_eos": true, "max_tokens": )", 3 + i * 7 % 11,
                    "}}\n");
  }
  WriteFile(directory_ + "/in.jsonl", lines);
  ASSERT_EQ(RunOctet(2, absl::StrCat("bench layer --model ", kDemoModel, " --threads 1 ",
                                     "--sequences 8 --rows 64 --context 64 --save ", profile_))
                .exit_code,
            0);
  const ProcessResult dry =
      RunBatch(2, absl::StrCat("--dry-run --price-per-hour 3600 --profile ", profile_));
  EXPECT_EQ(dry.exit_code, 0) << dry.output;
  std::smatch said;
  ASSERT_TRUE(std::regex_search(dry.output, said, std::regex("at most ([0-9]+) steps in ")))
      << dry.output;
  EXPECT_THAT(dry.output, HasSubstr("at 3600 an hour"));
  const ProcessResult run = RunBatch(2, "--report " + directory_ + "/report");
  ASSERT_EQ(run.exit_code, 0) << run.output;
  const auto report = ParseJson(ReadFile(directory_ + "/report/summary.json"));
  EXPECT_EQ(std::stoll(said[1]), report["steps"].get<int64_t>());
}

TEST_F(JobForecastTest, RefusesWhatItCantPredict) {
  WriteFile(directory_ + "/in.jsonl",
            R"({"custom_id": "a", "url": "/v1/completions", "body": {"prompt": "And"}})");
  WriteFile(profile_, "");
  const ProcessResult empty = RunBatch(0, "--dry-run --profile " + profile_);
  EXPECT_EQ(empty.exit_code, 2);
  EXPECT_THAT(empty.output, HasSubstr("--profile " + profile_ + ": "));
  EXPECT_THAT(RunBatch(0, "--profile " + profile_).output, HasSubstr("--profile is for --dry-run"));
  EXPECT_THAT(RunBatch(0, "--dry-run --price-per-hour 2").output,
              HasSubstr("--price-per-hour needs --profile"));
}

}  // namespace
}  // namespace octet
