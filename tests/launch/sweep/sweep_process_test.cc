// What a user of octet sweep meets.

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/sweep_fixture.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

// In place of run.sh and octet: does as the value of its axis asks.
constexpr char kFakeLauncher[] = R"(#!/bin/sh
for word; do last=$word; done
case $1 in
  good) cp "$OCTET_FAKE_RESULT" "$last" ;;
  other) sed s/111/222/ "$OCTET_FAKE_RESULT" > "$last" ;;
  garbage) echo '{"ranks": ' > "$last" ;;
  fail) echo "rank 1 was lost" >&2; exit 1 ;;
  hang) exec sleep 60 ;;
  once) [ -e "$last.was" ] && cp "$OCTET_FAKE_RESULT" "$last"; touch "$last.was"; exit 0 ;;
  kill-sweep) [ -e "$last.was" ] || { touch "$last.was"; kill -$2 $PPID; exec sleep 60; }
    cp "$OCTET_FAKE_RESULT" "$last" ;;
esac
)";

class SweepProcessTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_ + "/" + name; }

  ProcessResult RunSweep(const std::string& flags) const {
    return RunShell(absl::StrCat(kIgnoreLeaks, "OCTET_FAKE_RESULT=", Path("result.json"), " ",
                                 OctetProgram(), " sweep ", Path("sweep.textproto"), " -o ",
                                 Path("out"), " ", flags, "; exit $?"));
  }

  // A sweep of which each point is what the fake launcher shall do.
  void WriteFakeSweep(const std::vector<std::string>& deeds, const std::string& more = "") const {
    WriteFile(Path("result.json"), BenchResult("111"));
    WriteFile(Path("launcher.sh"), kFakeLauncher);
    std::filesystem::permissions(Path("launcher.sh"), std::filesystem::perms::owner_all);
    std::string sweep =
        absl::StrCat("launcher: \"", Path("launcher.sh"), "\" ", more, " axes { name: \"deed\" ");
    for (const std::string& deed : deeds) {
      absl::StrAppend(&sweep, "values { name: \"", deed, "\" launcher: [\"",
                      deed.substr(0, deed.find('/')), "\", \"", deed.substr(deed.find('/') + 1),
                      "\"] } ");
    }
    WriteFile(Path("sweep.textproto"), sweep + "}");
  }

  std::vector<json> Runs() const { return ParseLines(ReadFile(Path("out/points.jsonl"))); }

  const std::string directory_ = TestDirectory();
};

TEST_F(SweepProcessTest, RunsTheBenchmarkOnRanks) {
  WriteFile(Path("sweep.textproto"),
            absl::StrCat("bench: [\"--model\", \"", kDemoModel, R"(", "--num-prompts", "3"]
    bench: ["--input-len", "9", "--output-len", "4", "--random-weights", "--layers", "1", "--no-bounds"]
    axes { name: "ranks" values { name: "1" launcher: ["-n", "1"] }
           values { name: "2" launcher: ["-n", "2"] bench: ["--placement", "round-robin"] } }
    repetitions: 1)"));
  const ProcessResult result = RunSweep("");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, ContainsRegex("octet: 2/2 ranks=[12] #0: prefill [0-9.]+ tokens/s, "));
  EXPECT_THAT(result.output,
              ContainsRegex("ranks=2 +1 +0 +[0-9.]+ \\[[0-9.]+, [0-9.]+\\] +[0-9.]+ "));
  const std::vector<json> runs = Runs();
  ASSERT_EQ(runs.size(), 2U);
  EXPECT_EQ(runs[0]["answers_hash"], runs[1]["answers_hash"]);
  for (const json& run : runs) {
    EXPECT_EQ(absl::StrCat("ranks=", run["ranks"].get<int>()), run["point"].get<std::string>());
    EXPECT_GT(run["decode"]["tokens_per_s"], 0);
    EXPECT_EQ(run["bytes_in_place"].get<int64_t>() > 0, run["ranks"] == 2);
  }
}

TEST_F(SweepProcessTest, ADryRunPrintsAndWritesNothing) {
  WriteFakeSweep({"good", "fail"});
  const ProcessResult result = RunSweep("--dry-run --launcher \"a  b\"");
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.output, HasSubstr("point  deed=good\npoint  deed=fail\n"));
  EXPECT_THAT(result.output, ContainsRegex("5  a b [a-z]+ [a-z]+ bench throughput --output-json"));
  EXPECT_THAT(result.output, HasSubstr("2 points x 3 repetitions = 6 runs"));
  EXPECT_FALSE(std::filesystem::exists(Path("out")));
}

TEST_F(SweepProcessTest, GoesOnAfterFailuresAndTriesThemAgain) {
  WriteFakeSweep({"good", "fail", "hang", "garbage", "once"}, "repetitions: 1 timeout: 0.5");
  const ProcessResult result = RunSweep("");
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("deed=fail #0: FAILED: exit code 1: rank 1 was lost"));
  EXPECT_THAT(result.output, HasSubstr("deed=hang #0: FAILED: took longer than 0.5 s"));
  EXPECT_THAT(result.output, ContainsRegex("deed=garbage #0: FAILED: .*out/runs/0000[0-4].json"));
  EXPECT_THAT(result.output, HasSubstr("octet: 4 runs failed; --resume tries again"));
  EXPECT_EQ(RunSweep("").exit_code, 2);
  const ProcessResult again = RunSweep("--resume");
  EXPECT_EQ(again.exit_code, 1) << again.output;
  EXPECT_THAT(again.output, HasSubstr("goes on after 5 runs"));
  EXPECT_THAT(again.output, HasSubstr("3 runs failed"));
  EXPECT_THAT(again.output, Not(HasSubstr("deed=good #0")));
  EXPECT_EQ(Runs().size(), 5U + 4U);
  const std::string csv = ReadFile(Path("out/sweep.csv"));
  EXPECT_EQ(std::ranges::count(csv, '\n'), 1 + 5);
}

TEST_F(SweepProcessTest, DifferentAnswersMakeRunsVoid) {
  WriteFakeSweep({"good", "other"}, "repetitions: 2");
  const ProcessResult result = RunSweep("");
  EXPECT_EQ(result.exit_code, 1) << result.output;
  EXPECT_THAT(result.output, HasSubstr("octet: void: runs have different answers: 2 runs the hash "
                                       "111; 222: deed=other #0, deed=other #1"));
  EXPECT_THAT(ReadFile(Path("out/sweep.csv")), HasSubstr("\ngood,1,"));
}

TEST_F(SweepProcessTest, GoesOnAfterSignals) {
  for (const char* signal : {"TERM", "INT", "KILL"}) {
    std::filesystem::remove_all(Path("out"));
    WriteFakeSweep({"good", absl::StrCat("kill-sweep/", signal)}, "repetitions: 2");
    const ProcessResult stopped = RunSweep("");
    const bool killed = std::string(signal) == "KILL";
    EXPECT_EQ(stopped.exit_code, killed ? 137 : 75) << signal << stopped.output;
    const std::string said = killed ? "" : "octet: stopped; what is done is kept";
    EXPECT_THAT(stopped.output, HasSubstr(said));
    EXPECT_LT(Runs().size(), 3U);
    ProcessResult result = RunSweep("--resume");
    EXPECT_EQ(result.exit_code, killed ? 137 : 75) << signal << result.output;
    result = RunSweep("--resume");
    EXPECT_EQ(result.exit_code, 0) << signal << result.output;
    EXPECT_EQ(Runs().size(), 4U);
  }
}

TEST_F(SweepProcessTest, RefusesWhatItCannotRun) {
  WriteFile(Path("sweep.textproto"), "axes { }");
  EXPECT_EQ(RunSweep("").exit_code, 2);
  WriteFakeSweep({"good"});
  EXPECT_THAT(RunSweep("--launcher /none/run.sh").output, HasSubstr("/none/run.sh: can't be run"));
  const ProcessResult ranks =
      RunOctet(1, absl::StrCat("sweep ", Path("sweep.textproto"), " -o ", Path("other")));
  EXPECT_EQ(ranks.exit_code, 2);
  EXPECT_THAT(ranks.output, HasSubstr("octet sweep starts the ranks of each run itself"));
}

}  // namespace
}  // namespace octet
