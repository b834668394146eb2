#include "launch/sweep/sweep_runs.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/sweep/answers_check.h"
#include "launch/sweep/sweep_report.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/sweep_fixture.h"

namespace octet {
namespace {

using testing::ContainsRegex;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;

// Runs turns with a function in place of processes.
class SweepRunsTest : public testing::Test {
 protected:
  // `run` gets the number of the command, from 0 on, and where it writes to.
  absl::Status RunAll(const std::function<ChildEnd(int, std::string& result)>& run) {
    auto journal = SweepJournal::Open(files_, "d", plan_, /*resume=*/true);
    OCTET_CHECK(journal.ok()) << journal.status();
    int number = 0;
    const SweepWork work = {.plan = plan_,
                            .directory = "d",
                            .environment = {},
                            .run = [&](const ChildCommand& command) -> absl::StatusOr<ChildEnd> {
                              files_.files[command.log] = "first\nlast words\n";
                              std::string result;
                              const ChildEnd end = run(number++, result);
                              if (!result.empty()) files_.files[command.words.back()] = result;
                              return end;
                            },
                            .tell = [&](const std::string& text) { said_.push_back(text); }};
    absl::Status status = RunTurns(work, files_, stop_, **journal);
    runs_ = (*journal)->runs();
    return status;
  }

  const SweepPlan plan_ = PlanSweep(SmallSweep());
  MemoryFileSystem files_;
  StopFlag stop_;
  std::map<int, SweepRun> runs_;
  std::vector<std::string> said_;
};

TEST_F(SweepRunsTest, KeepsWhatWasMeasured) {
  ASSERT_TRUE(RunAll([](int, std::string& result) {
                result = BenchResult("18446744073709551615", 123.5);
                return ChildEnd{.seconds = 4};
              }).ok());
  ASSERT_EQ(runs_.size(), 8U);
  const SweepRun& run = runs_.at(7);
  EXPECT_EQ(run.point(), plan_.points[plan_.turns[7].point].name);
  EXPECT_EQ(run.settings_size(), 2);
  EXPECT_EQ(run.repetition(), 1);
  EXPECT_EQ(run.file(), "runs/00007.json");
  EXPECT_EQ(run.log(), "logs/00007.txt");
  EXPECT_THAT(run.command(), HasSubstr("bench throughput --model 'a model'"));
  EXPECT_THAT(run.started(), MatchesRegex("[0-9-]+T[0-9:]+Z"));
  EXPECT_EQ(run.wall_seconds(), 4);
  EXPECT_EQ(run.failure(), "");
  EXPECT_EQ(run.answers_hash(), ~uint64_t{0});
  EXPECT_EQ(run.version(), "0.1");
  EXPECT_EQ(run.cpu_model(), "A, \"B\"");
  EXPECT_EQ(run.host_names(), "a");
  EXPECT_EQ(run.hosts() * 100 + run.ranks() * 10 + run.threads(), 123);
  EXPECT_EQ(run.prefill().tokens_per_s(), 123.5);
  EXPECT_EQ(run.decode().tokens_per_s(), 50);
  EXPECT_EQ(run.decode().steps(), 2);
  EXPECT_EQ(run.decode().seconds(), 0.5);
  EXPECT_EQ(run.decode().times(0).name(), "late ranks");
  EXPECT_EQ(run.decode().times(0).seconds(), 0.1);
  EXPECT_EQ(run.rank_balancedness(), 0.5);
  EXPECT_EQ(run.bytes_sent(), 321);
  EXPECT_THAT(said_[0], ContainsRegex("^1/8 ranks=[12] load=[a-z]+ #0: prefill 123.5 tokens/s, "
                                      "decode 50.0, about 28 s left$"));
  EXPECT_THAT(said_[7], ContainsRegex("^8/8 .* #1: prefill 123.5 tokens/s, decode 50.0$"));
}

TEST_F(SweepRunsTest, FailuresAreKeptAndTriedAgain) {
  const std::string result = BenchResult("1");
  std::string wrong = result;
  wrong.replace(wrong.find("true"), 4, "false");
  std::string lacks = result;
  lacks.replace(lacks.find("cpu_model"), 9, "gpu_model");
  ASSERT_TRUE(RunAll([&](int number, std::string& written) {
                written = result;
                if (number == 0) return ChildEnd{.exit_code = 1};
                if (number == 1) return ChildEnd{.exit_code = 137, .timed_out = true};
                if (number == 2) written = "";
                if (number == 3) written = "garbage";
                if (number == 4) written = wrong;
                if (number == 5) written = lacks;
                return ChildEnd();
              }).ok());
  EXPECT_EQ(runs_.at(0).failure(), "exit code 1: last words");
  EXPECT_EQ(runs_.at(0).exit_code(), 1);
  EXPECT_EQ(runs_.at(0).answers_hash(), 0U);
  EXPECT_EQ(runs_.at(1).failure(), "took longer than 60 s, and was ended");
  EXPECT_THAT(runs_.at(2).failure(), HasSubstr("d/runs/00002.json"));
  EXPECT_THAT(runs_.at(3).failure(), HasSubstr("d/runs/00003.json"));
  EXPECT_EQ(runs_.at(4).failure(), "d/runs/00004.json: the answers are wrong");
  EXPECT_THAT(runs_.at(5).failure(), HasSubstr("has no /machine/cpu_model"));
  EXPECT_EQ(runs_.at(6).failure(), "");
  EXPECT_THAT(said_[0], HasSubstr("#0: FAILED: exit code 1: last words, about "));
  // Again, but what was written by the earlier try does not count.
  int tried = 0;
  ASSERT_TRUE(RunAll([&](int number, std::string& written) {
                ++tried;
                if (number != 4) written = result;
                return ChildEnd();
              }).ok());
  EXPECT_EQ(tried, 6);
  EXPECT_THAT(runs_.at(4).failure(), HasSubstr("d/runs/00004.json"));
  EXPECT_THAT(said_.back(), HasSubstr("8/8 "));
}

TEST_F(SweepRunsTest, AStoppedRunIsNotKept) {
  const absl::Status status = RunAll([&](int number, std::string& written) {
    written = BenchResult("1");
    if (number == 3) stop_.Set();
    return ChildEnd{.stopped = number == 3};
  });
  EXPECT_TRUE(absl::IsCancelled(status));
  EXPECT_EQ(runs_.size(), 3U);
}

TEST_F(SweepRunsTest, AllRunsOfAWorkloadMustHaveTheSameAnswers) {
  const auto run_with = [&](int odd_one) {
    files_.files.clear();
    OCTET_CHECK(
        RunAll([&](int number, std::string& written) {
          const std::string& workload = plan_.points[plan_.turns[number].point].workload;
          written = BenchResult(number == odd_one ? "5" : workload == "load=zipf" ? "7" : "6");
          return ChildEnd();
        }).ok());
    return CheckAnswers(plan_, runs_);
  };
  const AnswersCheck same = run_with(-1);
  EXPECT_THAT(same.void_orders, IsEmpty());
  EXPECT_THAT(same.messages, IsEmpty());
  const int odd_one = 5;
  const SweepPoint& odd = plan_.points[plan_.turns[odd_one].point];
  const AnswersCheck check = run_with(odd_one);
  EXPECT_THAT(check.messages,
              ElementsAre(absl::StrCat(
                  "void: runs of ", odd.workload, " have different answers: ", "3 runs the hash ",
                  odd.workload == "load=zipf" ? 7 : 6, "; 5: ", odd.name, " #1")));
  EXPECT_EQ(check.void_orders.size(), 4U);
  for (const int order : check.void_orders) {
    EXPECT_EQ(plan_.points[plan_.turns[order].point].workload, odd.workload);
  }
  EXPECT_THAT(FormatSweepTable(plan_, runs_, check.void_orders), HasSubstr("2 VOID"));
  runs_.at(odd_one).set_failure("exit code 1");
  EXPECT_THAT(CheckAnswers(plan_, runs_).messages, IsEmpty());
}

TEST_F(SweepRunsTest, TheTableHasMediansAndExtremes) {
  const std::vector<double> rates = {1, 2, 3, 4, 5, 6, 7, 8};
  ASSERT_TRUE(RunAll([&](int number, std::string& written) {
                written = BenchResult("1", rates[number]);
                return ChildEnd{.exit_code = number == 0};
              }).ok());
  const std::string table = FormatSweepTable(plan_, runs_, {});
  for (int p = 0; p < 4; ++p) {
    std::vector<double> seen;
    for (int order = 1; order < 8; ++order) {
      if (plan_.turns[order].point == p) seen.push_back(rates[order]);
    }
    const std::string row = absl::StrFormat(
        "%s +%d +%d +%.1f \\[%.1f, %.1f\\] +50.0 \\[50.0, 50.0\\]", plan_.points[p].name,
        seen.size(), 2 - seen.size(), (seen.front() + seen.back()) / 2, seen.front(), seen.back());
    EXPECT_THAT(table, ContainsRegex(row));
  }
}

}  // namespace
}  // namespace octet
