// Ranks that are stopped, as processes: the others name them and end.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr int kRanks = 3;
const std::string kTimeoutFlag = "--timeout 1 ";
// The rank's process lives, and its own thread does not come back.
const std::string kHangs = ",signal=HANG";
const std::string kResume = "--timeout 3 --resume";
constexpr double kHang = 30;  // seconds; how soon jobs really end is for sweep.sh to measure

struct StoppedRun {
  ProcessResult result;
  double seconds = 0;     // until the launcher ended
  std::string survivors;  // processes of this run that are left, one a line
};

class StandstillTest : public testing::TestWithParam<const char*> {
 protected:
  StandstillTest() {
    WriteFile(directory_ + "/in.jsonl",
              R"({"custom_id":"a","method":"POST","url":"/v1/completions",)"
              R"("body":{"prompt":"Once","max_tokens":50,"ignore_eos":true}})"
              "\n");
  }

  // `fault`: OCTET_FAULT without its rank.
  StoppedRun Run(const std::string& fault, const std::string& flags = kTimeoutFlag) const {
    const std::string octet =
        OctetCommand(kRanks) +
        " --threads 1 run-batch --model " OCTET_SOURCE_DIR "/launch/demo/model -i " + directory_ +
        "/in.jsonl -o " + directory_ + "/out.jsonl --progress none " + flags;
    const auto start = std::chrono::steady_clock::now();
    StoppedRun run;
    run.result = RunShell("OCTET_FAULT=rank=1," + fault + " " + octet);
    run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    run.survivors =
        RunShell("sleep 0.2; pgrep -f \"octet run-batch .*" + directory_ + "[/]in.jsonl\" || true")
            .output;
    return run;
  }

  // Runs a job whose rank hangs at `point` and resumes it, until it was noted twice that the rank
  // stood still. A note is lost if the disk is so busy that the launcher kills the rank first.
  std::vector<StoppedRun> RunUntilNotedTwice(const std::string& point) const {
    constexpr size_t kMostRuns = 6;
    std::vector<StoppedRun> runs;
    runs.reserve(kMostRuns);
    while (Notes().size() < 2 && runs.size() < kMostRuns) {
      runs.push_back(Run(point + kHangs, kResume));
    }
    return runs;
  }

  // The notes of all attempts, in order.
  std::vector<std::string> Notes() const {
    std::set<std::filesystem::path> paths;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_))
      paths.insert(entry.path());
    std::vector<std::string> notes;
    for (const std::filesystem::path& path : paths) {
      if (path.extension() == ".crash" && !std::filesystem::is_empty(path))
        notes.push_back(ReadFile(path));
    }
    return notes;
  }

  std::string directory_ = TestDirectory();
};

// The beginning of what rank `rank` says of rank 1.
std::string Accusation(int rank, const std::string& phase) {
  return "octet: rank " + std::to_string(rank) +
         " of 3 on [^ ]+: rank 1 on [^ ]+ has made no progress for [0-9.]+ s, last seen in " +
         phase + "( of layer [0-9]+)?, missing from ";
}

TEST_P(StandstillTest, AStoppedRankIsNamedByAllOthers) {
  const std::string phase = GetParam();
  const StoppedRun run = Run("phase=" + phase + ",signal=STOP");
  EXPECT_EQ(run.result.exit_code, 1);
  EXPECT_LT(run.seconds, kHang);
  EXPECT_THAT(run.result.output, ContainsRegex(Accusation(0, phase)));
  EXPECT_THAT(run.result.output, ContainsRegex(Accusation(2, phase)));
  EXPECT_THAT(run.result.output, HasSubstr("not done after"));
  EXPECT_EQ(run.survivors, "");
}

INSTANTIATE_TEST_SUITE_P(Phases, StandstillTest,
                         testing::Values("loading", "dispatch", "combine", "attention",
                                         "finalize"));

TEST_F(StandstillTest, ARankThatIsStoppedBeforeItJoinsEndsTheOthers) {
  const StoppedRun run = Run("phase=init,signal=STOP");
  EXPECT_NE(run.result.exit_code, 0);
  EXPECT_LT(run.seconds, kHang);
  EXPECT_THAT(run.result.output,
              ContainsRegex("octet: rank 0 on [^ ]+ waits for the others in MPI_Init; rank 1 on "
                            "[^ ]+ is stopped; ends after"));
  EXPECT_THAT(run.result.output,
              ContainsRegex("octet: rank 2 on [^ ]+ waits for the others in MPI_Init; rank 1 on "
                            "[^ ]+ is stopped; ends after"));
  EXPECT_EQ(run.survivors, "");
}

TEST_F(StandstillTest, ARequestAtWhichARankStoodStillTwiceIsGivenUp) {
  const std::vector<StoppedRun> runs = RunUntilNotedTwice("phase=experts,count=20");
  for (const StoppedRun& run : runs) {
    EXPECT_EQ(run.result.exit_code, 1) << run.result.output;
    EXPECT_LT(run.seconds, kHang);
    EXPECT_THAT(run.result.output, ContainsRegex(Accusation(0, "experts")));
  }
  const std::string note = "^rank 1 of 3 on [^ ]+: stood still\n$";
  EXPECT_THAT(Notes(), ElementsAre(ContainsRegex(note), ContainsRegex(note)));
  const StoppedRun run = Run("phase=experts,count=1000000" + kHangs, kResume);
  EXPECT_EQ(run.result.exit_code, 0) << run.result.output;
  const auto lines = ParseLines(ReadFile(directory_ + "/out.jsonl"));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0]["error"]["code"], "stood_still");
}

// Rank 0 stands still while it reads a line: that one is given up, and not those in flight.
TEST_F(StandstillTest, ALineAtWhichRankZeroStoodStillTwiceIsGivenUp) {
  std::string input = ReadFile(directory_ + "/in.jsonl");
  for (const char id : {'b', 'c'}) {
    std::string line = input.substr(0, input.find('\n') + 1);
    line[line.find("\"a\"") + 1] = id;
    input += line;
  }
  WriteFile(directory_ + "/in.jsonl", input);
  for (const StoppedRun& run : RunUntilNotedTwice("rank=0,phase=reading,count=2")) {
    EXPECT_EQ(run.result.exit_code, 1) << run.result.output;
  }
  const std::string note = "^reading 1, rank 0 of 3 on [^ ]+: stood still\n$";
  EXPECT_THAT(Notes(), ElementsAre(ContainsRegex(note), ContainsRegex(note)));
  const StoppedRun run = Run("phase=init,count=1000000" + kHangs, kResume);
  EXPECT_EQ(run.result.exit_code, 0) << run.result.output;
  const auto lines = ParseLines(ReadFile(directory_ + "/out.jsonl"));
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_TRUE(lines[0]["error"].is_null());
  EXPECT_EQ(lines[1]["error"]["code"], "stood_still");
  EXPECT_TRUE(lines[1]["custom_id"].is_null());
  EXPECT_TRUE(lines[2]["error"].is_null());
}

// A process that is stopped from outside, or a host that is lost, is no request's fault.
TEST_F(StandstillTest, AStoppedRankLeavesNoNote) {
  EXPECT_EQ(Run("phase=experts,count=20,signal=STOP").result.exit_code, 1);
  EXPECT_EQ(RunShell("ls " + directory_ + "/out.jsonl.journal").output, "lock\npart-000001\n");
}

TEST_F(StandstillTest, TheFlightRecorderWritesToTheReport) {
  const std::string report = directory_ + "/report";
  const StoppedRun run =
      Run("phase=experts,count=20,signal=STOP", kTimeoutFlag + "--report " + report);
  EXPECT_THAT(run.result.output, Not(HasSubstr("not done after")));
  for (const int rank : {0, 2}) {
    const std::string path = report + "/flight-rank" + std::to_string(rank) + ".txt";
    EXPECT_THAT(run.result.output, HasSubstr(path));
    EXPECT_THAT(ReadFile(path), ContainsRegex("not done after .*; late: rank [01]"));
  }
}

TEST_F(StandstillTest, AnUndisturbedRunCountsWhatTheWatchCosts) {
  const std::string report = directory_ + "/report";
  const StoppedRun run =
      Run("phase=dispatch,count=1000000,signal=STOP", kTimeoutFlag + "--report " + report);
  EXPECT_EQ(run.result.exit_code, 0) << run.result.output;
  const auto summary = ParseJson(ReadFile(report + "/summary.json"));
  const double cpu_seconds = summary.at("watchdog_cpu_seconds");
  EXPECT_GT(cpu_seconds, 0);
  EXPECT_LT(cpu_seconds, 0.05);
}

TEST_F(StandstillTest, AFaultThatIsNotUnderstoodIsRefused) {
  const StoppedRun run = Run("phase=lunch,signal=STOP");
  EXPECT_EQ(run.result.exit_code, 2);
  EXPECT_THAT(run.result.output, HasSubstr("OCTET_FAULT: 'phase=lunch' is not understood"));
}

TEST_F(StandstillTest, ATimeoutTooShortIsRefused) {
  const StoppedRun run = Run("phase=loading,signal=STOP", "--timeout 0.9");
  EXPECT_EQ(run.result.exit_code, 2);
  EXPECT_THAT(run.result.output, HasSubstr("--timeout must be a number from 1 to 1000000, not"));
  EXPECT_LT(run.seconds, kHang);
}

}  // namespace
}  // namespace octet
