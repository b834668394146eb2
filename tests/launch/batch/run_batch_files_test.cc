// What octet run-batch reads and writes: files, pipes, devices, compressed ones.

#include "tests/support/run_batch_fixture.h"

namespace octet::batch_runs {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

TEST_F(RunBatchTest, AMarkOfUtf8IsPassedOver) {
  WriteFile(input_, "\xEF\xBB\xBF" + std::string(kRequest));
  const ProcessResult result = RunOctet(0, "run-batch " + Files() + "--model " + kDemoModel);
  EXPECT_THAT(result.output, HasSubstr("1 answered, 0 refused"));
}

// Ranks step without work while nothing comes, for longer than any may wait for another.
TEST_F(RunBatchTest, ASlowPipeKeepsNobodyWaiting) {
  WriteFile(input_, kRequest);
  const std::string second = directory_ + "/second.jsonl";
  WriteFile(second, Renamed("b"));
  const std::string octet =
      OctetCommand(2) + " run-batch -i - -o " + output_ + " --model " + kDemoModel + " --timeout 2";
  const ProcessResult result = RunShell("(cat " + input_ + "; sleep 5; head -c 20 " + second +
                                        "; sleep 3; tail -c +21 " + second + ") | " + octet);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(ParseLines(ReadFile(output_)).size(), 2U);
}

TEST_F(RunBatchTest, StandardInputAndOutput) {
  WriteFile(input_, kRequest + Renamed("b") + "{broken\n");
  const std::string flags = std::string("run-batch -i - -o - --model ") + kDemoModel;
  for (const int ranks : {0, 2}) {
    const std::string command = OctetCommand(ranks) + " " + flags;
    const ProcessResult result =
        RunShell("cat " + input_ + " | " + command + " 2> " + directory_ + "/log");
    ASSERT_EQ(result.exit_code, 0) << result.output;
    const std::vector<json> lines = ParseLines(result.output);
    ASSERT_EQ(lines.size(), 3U);
    EXPECT_EQ(lines[1]["custom_id"], "b");
    EXPECT_EQ(lines[2]["response"]["status_code"], 400);
    EXPECT_THAT(ReadFile(directory_ + "/log"), HasSubstr("2 answered, 1 refused"));
  }
}

TEST_F(RunBatchTest, WhatGzipWrites) {
  WriteFile(input_, kRequest + Renamed("b"));
  const std::string files = "-i " + input_ + ".gz -o " + output_ + ".gz ";
  const ProcessResult result =
      RunShell("gzip " + input_ + " && " + OctetProgram() + " run-batch " + files + "--model " +
               kDemoModel + " && gzip -d " + output_ + ".gz");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(ParseLines(ReadFile(output_)).size(), 2U);
}

TEST_F(RunBatchTest, AWriteThatFailsEndsTheJob) {
  std::string input;
  for (int i = 0; i < 40; ++i) input += Renamed("r" + std::to_string(i));
  WriteFile(input_, input);
  const std::string job = std::string("run-batch --model ") + kDemoModel + " -i " + input_ + " -o ";
  for (const int ranks : {0, 2}) {
    const ProcessResult full = RunOctet(ranks, job + "/dev/full");
    EXPECT_EQ(full.exit_code, 1) << full.output;
    EXPECT_THAT(full.output, HasSubstr("/dev/full: writing: No space left on device"));
  }
  WriteFile(output_ + ".journal", "in the way");
  const ProcessResult result = RunOctet(2, job + output_);
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr(output_ + ".journal: is not a directory, and stands where"));
}

// As an attempt that begins at the same time may leave it where the file system can't lock.
TEST_F(RunBatchTest, APartInTheWayIsNoCompleteOutput) {
  WriteFile(input_, kRequest);
  std::filesystem::create_directories(output_ + ".journal");
  for (const char* part : {"part-000001", "part-last"}) {  // the last one is somebody else's
    WriteFile(output_ + ".journal/" + part, "");
  }
  const std::string job = "run-batch --resume " + Files() + "--model " + kDemoModel;
  const ProcessResult first = RunOctet(2, job);
  EXPECT_EQ(first.exit_code, 0) << first.output;
  ASSERT_TRUE(std::filesystem::exists(output_)) << first.output;
  EXPECT_EQ(ParseLines(ReadFile(output_)).size(), 1U);
  const ProcessResult second = RunOctet(2, job);
  EXPECT_EQ(second.exit_code, 0) << second.output;
  EXPECT_THAT(second.output, HasSubstr("is complete since"));
  EXPECT_THAT(second.output, Not(HasSubstr("loaded")));
}

TEST_F(RunBatchTest, ADrainedJobWithoutAJournalCannotBeResumed) {
  const std::string octet = OctetProgram() + " run-batch --model " + kDemoModel;
  const std::string log = directory_ + "/log";
  // The shell keeps the pipe open, so that the input does not end.
  const ProcessResult result =
      RunShell("mkfifo " + input_ + "; exec 9<>" + input_ + "; " + octet + " " + Files() + "2> " +
               log + " & job=$!; until grep -q loaded " + log + "; do sleep 0.1; done; " +
               "kill -USR1 $job; wait $job; code=$?; cat " + log + "; exit $code");
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("stopped after USR1 with 0 lines done"));
  EXPECT_FALSE(std::filesystem::exists(output_));
}

TEST_F(RunBatchTest, ASecondUsr1StopsAfterTheStepThatRuns) {
  const std::string request =
      R"({"custom_id": "a", "url": "/v1/completions", "body": {"prompt": "And", "n": 64,)"
      R"( "max_tokens": 2000, "ignore_eos": true}})";
  WriteFile(input_, request + "\n");
  const std::string log = directory_ + "/log";
  const ProcessResult result = RunShell(absl::StrCat(
      OctetProgram(), " run-batch --model ", kDemoModel, " ", Files(), "2> ", log,
      " & job=$!; until grep -q loaded ", log, "; do sleep 0.1; done; kill -USR1 $job; sleep 0.2; ",
      "kill -0 $job || echo gone; kill -USR1 $job; wait $job; code=$?; cat ", log, "; exit $code"));
  EXPECT_EQ(result.exit_code, 75) << result.output;
  EXPECT_THAT(result.output, HasSubstr("stopped after USR1 with 0 lines done; --resume goes on"));
  EXPECT_THAT(result.output, Not(HasSubstr("gone")));
}

// Replacing it by a file, as is done with files, would take /dev/null from everybody.
TEST_F(RunBatchTest, APipeOrDeviceIsWrittenToAsItIs) {
  WriteFile(input_, kRequest + Renamed("b"));
  const std::string job = OctetProgram() + " run-batch " + Files() + "--model " + kDemoModel;
  const ProcessResult result =
      RunShell("mkfifo " + output_ + "; cat " + output_ + " > " + directory_ + "/copy & " + job);
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_TRUE(std::filesystem::is_fifo(output_));
  EXPECT_FALSE(std::filesystem::exists(output_ + ".journal"));
  EXPECT_EQ(ParseLines(ReadFile(directory_ + "/copy")).size(), 2U);
}

TEST_F(RunBatchTest, ReplacesAnOlderOutputAtTheEnd) {
  WriteFile(input_, kRequest);
  WriteFile(output_, "old");
  EXPECT_EQ(RunOctet(0, "run-batch --overwrite " + Files() + "--model " + kDemoModel).exit_code, 0);
  EXPECT_EQ(ParseLines(ReadFile(output_)).size(), 1U);
}

}  // namespace
}  // namespace octet::batch_runs
