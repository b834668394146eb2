// The progress of a job, as a user sees it.

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/sanitized.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class ProgressProcessTest : public testing::Test {
 protected:
  void SetUp() override { WriteInput(/*requests=*/60, /*max_tokens=*/4); }

  void WriteInput(int requests, int max_tokens) const {
    std::string input;
    for (int i = 0; i < requests; ++i) {
      absl::StrAppend(&input, R"({"custom_id": ")", i, R"(", "method": "POST", "url": )",
                      R"("/v1/completions", "body": {"prompt": "the king", "max_tokens": )",
                      max_tokens, R"(, "ignore_eos": true}})", "\n");
    }
    WriteFile(directory_ + "/in.jsonl", input);
  }

  // Without a launcher where ranks is 0.
  std::string Command(int ranks, const std::string& flags, const std::string& output) const {
    return absl::StrCat(OctetCommand(ranks), " run-batch --max-num-seqs 4 --model ",
                        OCTET_SOURCE_DIR, "/launch/demo/model -i ", directory_, "/in.jsonl -o ",
                        output, output == "-" ? " " : " --overwrite ", flags);
  }

  // On a terminal of so many columns.
  static std::string RunOnTerminal(int columns, const std::string& command) {
    const ProcessResult result = RunShell(absl::StrCat("TERM=xterm script -qec \"stty cols ",
                                                       columns, "; ", command, "\" /dev/null"));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return result.output;
  }

  const std::string directory_ = TestDirectory();
  const std::string output_ = directory_ + "/out.jsonl";
};

TEST_F(ProgressProcessTest, BarOnATerminalAlsoUnderMpirun) {
  // Long enough to be drawn on its way; groups of 64 are safe, and so done.
  WriteInput(/*requests=*/160, /*max_tokens=*/kSanitized ? 8 : 40);
  for (const auto& [ranks, columns] : {std::pair(0, 100), std::pair(0, 50), std::pair(2, 100)}) {
    const std::string text = RunOnTerminal(columns, Command(ranks, "", output_));
    EXPECT_THAT(text, HasSubstr("\rrequests 100 % ")) << ranks;
    EXPECT_THAT(
        text, HasSubstr(columns == 50 ? " % 160/160 in " : " [====================] 160/160 in "));
    EXPECT_THAT(text, ContainsRegex("\rrequests +[1-9][0-9]? % .*/~?160"));  // on its way
    EXPECT_THAT(text, Not(HasSubstr("octet: requests")));
    for (const auto line : absl::StrSplit(text, absl::ByAnyChar("\r\n"))) {
      if (line.substr(0, 9) == "requests " || line.substr(0, 7) == "loading") {
        EXPECT_LT(line.size(), static_cast<size_t>(columns)) << line;
      }
    }
  }
}

TEST_F(ProgressProcessTest, PlainLinesInALog) {
  for (const int ranks : {0, 2}) {
    const std::string text = RunShell(Command(ranks, "", output_)).output;
    EXPECT_THAT(text, HasSubstr("octet: loaded 0.0"));
    EXPECT_THAT(text, ContainsRegex("octet: requests 60 of 60 \\(100 %\\) in [0-9.]+ s, tokens/s"));
    EXPECT_THAT(text, Not(HasSubstr("\r")));
  }
  const std::string text = RunOnTerminal(100, Command(0, "--progress plain", output_));
  EXPECT_THAT(text, HasSubstr("octet: requests 60 of 60"));
  const std::string dumb = RunOnTerminal(100, "TERM=dumb " + Command(0, "", output_));
  EXPECT_THAT(dumb, HasSubstr("octet: requests 60 of 60"));
}

TEST_F(ProgressProcessTest, NoneIsSilentAndJsonIsParsed) {
  const std::string none = RunShell(Command(2, "--progress none", output_)).output;
  EXPECT_THAT(none, Not(HasSubstr("octet: load")));
  EXPECT_THAT(none, Not(HasSubstr("octet: requests")));
  EXPECT_THAT(none, HasSubstr("60 answered"));  // the summary stays
  const std::string text = RunShell(Command(2, "--progress json", output_)).output;
  std::vector<json> objects;
  for (const auto line : absl::StrSplit(text, '\n')) {
    if (line.substr(0, 1) == "{") objects.push_back(ParseJson(std::string(line)));
  }
  ASSERT_GE(objects.size(), 2U) << text;
  EXPECT_EQ(objects[0]["stage"], "loading");
  EXPECT_EQ(objects.back()["stage"], "requests");
  EXPECT_EQ(objects.back()["ended"], true);
  EXPECT_EQ(objects.back()["done"], 60);
  EXPECT_EQ(objects.back()["total"], 60);
}

TEST_F(ProgressProcessTest, ABarThatIsAskedForNeedsATerminal) {
  for (const int ranks : {0, 2}) {
    const ProcessResult result = RunShell(Command(ranks, "--progress bar", output_));
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.output, HasSubstr("--progress bar needs a terminal"));
  }
}

TEST_F(ProgressProcessTest, StandardOutputHasOnlyAnswers) {
  for (const int ranks : {0, 2}) {
    for (const char* setting : {"auto", "json"}) {
      const std::string flags = absl::StrCat("--progress ", setting, " 2> /dev/null");
      const std::string text = RunShell(Command(ranks, flags, "-")).output;
      const std::vector<std::string> lines = absl::StrSplit(text, '\n', absl::SkipEmpty());
      ASSERT_EQ(lines.size(), 60U) << text.substr(0, 1000);
      for (const std::string& line : lines) EXPECT_TRUE(ParseJson(line).contains("custom_id"));
    }
  }
}

}  // namespace
}  // namespace octet
