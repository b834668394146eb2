// What a user of octet report and of run-batch --report meets.

#include <gmock/gmock.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "launch/files/proto_json.h"
#include "proto/replay.pb.h"
#include "tests/launch/pages/sweep_runs.h"
#include "tests/support/demo_model.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class ReportCommandTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_ + "/" + name; }

  std::string Report(const std::string& arguments, int exit_code = 0) const {
    const ProcessResult result = RunOctet(0, "report " + arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.output;
    return result.output;
  }

  // All kinds of files, with names that no page should take for markup.
  void WriteAll() const {
    std::filesystem::create_directories(Path("all"));
    WriteFile(Path("all/load.json"), "[[9, 1, 2, 3], [4, 4, 4, 5]]");
    for (const char* replicas : {"0", "2"}) {
      const ProcessResult plan =
          RunOctet(0, "plan --ranks 2 --load " + Path("all/load.json") + " --replicas " + replicas +
                          " --output-json " + Path("all/plan-" + std::string(replicas) + ".json"));
      ASSERT_EQ(plan.exit_code, 0) << plan.output;
    }
    WriteFile(Path("all/points.jsonl"), Points());
    std::filesystem::create_directories(Path("all/replays"));
    Replay replay;
    replay.set_point("ranks=1 placement=a <script>`id`");
    replay.set_ranks(2);
    replay.mutable_prefill()->set_tokens_per_s(90);
    for (const int bytes : {0, 10'000'000, 5, 0}) replay.add_sent_bytes(bytes);
    WriteFile(Path("all/replays/1.json"), JsonOf(replay));
  }

  static std::string Points() {
    std::string lines;
    for (int r = 0; r < 2; ++r) {
      for (const int ranks : {1, 2, 4}) {
        for (const char* placement : {"a <script>`id`", "it's {b}_c^d @e \\ %d"}) {
          const SweepRun run = MakeSweepRun(ranks, placement, r, 100 * ranks + 3 * r);
          std::string json;
          EXPECT_TRUE(google::protobuf::util::MessageToJsonString(run, &json).ok());
          lines += json + "\n";
        }
      }
    }
    return lines;
  }

  // Answers a request with --report, as `command` starts octet.
  ProcessResult RunBatch(const std::string& command, const std::string& flags) const {
    WriteFile(Path("in.jsonl"),
              R"({"custom_id": "1", "url": "/v1/completions", "body": {"prompt": "And"}})"
              "\n");
    return RunShell(command + " run-batch --model " + kDemoModel + " -i " + Path("in.jsonl") +
                    " -o " + Path("out.jsonl") + " --overwrite --report " + Path("run") + flags);
  }

  // Checks that a page is XML, loads nothing and has no id twice.
  void ExpectSound(const std::string& page) const {
    const ProcessResult check =
        RunShell("python3 " OCTET_SOURCE_DIR "/tests/launch/pages/check_page.py " + page);
    EXPECT_EQ(check.exit_code, 0) << check.output;
  }

  const std::string directory_ = TestDirectory();
};

TEST_F(ReportCommandTest, APageOfAllKindsIsCompleteInItself) {
  WriteAll();
  EXPECT_EQ(Report(Path("all")), Path("all/report.html\n"));
  const std::string html = ReadFile(Path("all/report.html"));
  for (const char* text :
       {"<svg", "Strong scaling", "Values of placement against each other", "Gap against replicas",
        "Predicted against measured", "Predicted bytes between ranks", "Time of rank 0 in steps",
        "&lt;script&gt;`id`", "it&#39;s {b}_c^d @e \\ %d", "octet plan --ranks 2 --load "}) {
    EXPECT_THAT(html, HasSubstr(text));
  }
  EXPECT_THAT(html,
              AllOf(Not(HasSubstr("<script")), HasSubstr("Not used: " + Path("all/load.json"))));
  ExpectSound(Path("all/report.html"));
}

TEST_F(ReportCommandTest, TheSameFilesGiveTheSamePage) {
  WriteAll();
  Report(Path("all"));
  const std::string first = ReadFile(Path("all/report.html"));
  EXPECT_EQ(Report(Path("all") + " --output " + Path("other.html")), Path("other.html\n"));
  EXPECT_EQ(ReadFile(Path("other.html")), first);
  Report(Path("all"));
  EXPECT_EQ(ReadFile(Path("all/report.html")), first);
}

TEST_F(ReportCommandTest, WhatCantBeShownIsRefusedBeforeAnythingIsWritten) {
  WriteAll();
  EXPECT_THAT(Report("", 2), HasSubstr("a directory with results is required"));
  EXPECT_THAT(Report(Path("none"), 2), HasSubstr(Path("none: is no directory")));
  EXPECT_THAT(Report(directory_, 2), HasSubstr(directory_ + ": has nothing to show"));
  EXPECT_THAT(Report(Path("all") + " --output " + Path("all/plan-0.json"), 2),
              HasSubstr("--output would overwrite " + Path("all/plan-0.json")));
  EXPECT_THAT(Report(Path("all") + " --output /nowhere/x", 2), HasSubstr("no directory /nowhere"));
  WriteFile(Path("all/plan-2.json"), "{\"answer\": 1");
  EXPECT_THAT(Report(Path("all"), 2), HasSubstr(Path("all/plan-2.json: ")));
  EXPECT_FALSE(std::filesystem::exists(Path("all/report.html")));
}

TEST_F(ReportCommandTest, WithoutGnuplotItSaysWhatToInstall) {
  WriteAll();
  const ProcessResult result =
      RunShell("PATH=" + directory_ + " " + OctetCommand(0) + " report " + Path("all"));
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.output, HasSubstr("s package gnuplot-nox"));
  EXPECT_FALSE(std::filesystem::exists(Path("all/report.html")));
}

TEST_F(ReportCommandTest, RunBatchWritesAPage) {
  const ProcessResult result = RunBatch(OctetCommand(2), "");
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, Not(HasSubstr("note: " + directory_)));
  const std::string html = ReadFile(Path("run/report.html"));
  EXPECT_THAT(html, AllOf(HasSubstr("2 ranks answered 1 request at "), HasSubstr("<svg")));
  ExpectSound(Path("run/report.html"));
  Report(Path("run"));
  EXPECT_EQ(ReadFile(Path("run/report.html")), html);
}

TEST_F(ReportCommandTest, APageThatCantBeMadeFailsNoJob) {
  ProcessResult result = RunBatch("PATH=" + directory_ + " " + OctetCommand(0), "");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, AllOf(HasSubstr("note: " + Path("run/report.html: pictures need")),
                                   HasSubstr("gnuplot-nox")));
  EXPECT_THAT(ReadFile(Path("run/report.html")),
              AllOf(HasSubstr("Pictures are missing: pictures need"), Not(HasSubstr("<svg"))));
  ExpectSound(Path("run/report.html"));

  WriteFile(Path("run/stats.json"), "{");
  result = RunBatch(OctetCommand(0), "");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output,
              HasSubstr("note: " + Path("run/report.html: ") + Path("run/stats.json: ")));

  std::filesystem::remove(Path("run/stats.json"));
  std::filesystem::remove(Path("run/report.html"));
  std::filesystem::create_directories(Path("run/report.html/full"));
  result = RunBatch(OctetCommand(0), "");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("note: " + Path("run/report.html: ")));
}

// The page may take the place of neither an input nor the output.
TEST_F(ReportCommandTest, ThePageOverwritesNothingOfTheJob) {
  std::filesystem::create_directories(Path("run"));
  WriteFile(Path("run/report.html"), R"({"custom_id": "1", "body": {"prompt": "And"}})");
  const std::string job =
      OctetCommand(0) + " run-batch --model " + kDemoModel + " --report " + Path("run");
  ProcessResult result =
      RunShell(job + " -i " + Path("run/report.html") + " -o " + Path("out.jsonl"));
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("--report would overwrite --input"));
  WriteFile(Path("in.jsonl"), "");
  result = RunShell(job + " -i " + Path("in.jsonl") + " --overwrite -o " + Path("run/report.html"));
  EXPECT_EQ(result.exit_code, 2) << result.output;
  EXPECT_THAT(result.output, HasSubstr("stands in the way of --output"));
}

}  // namespace
}  // namespace octet
