#include "launch/sweep/sweep_csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/sweep_fixture.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using nlohmann::json;

// What Python's csv makes of a text, a line each.
std::vector<json> ReadByPython(const std::string& csv) {
  const std::string directory = TestDirectory();
  WriteFile(directory + "/sweep.csv", csv);
  WriteFile(directory + "/read.py",
            "import csv, json, sys\n"
            "with open(sys.argv[1], newline='', encoding='utf-8') as file:\n"
            "    for row in csv.DictReader(file, strict=True): print(json.dumps(row))\n");
  const ProcessResult result =
      RunShell("python3 " + directory + "/read.py " + directory + "/sweep.csv");
  EXPECT_EQ(result.exit_code, 0) << result.output;
  return ParseLines(result.output);
}

SweepRun RunOf(const SweepPlan& plan, int order) {
  const SweepPoint& point = plan.points[plan.turns[order].point];
  SweepRun run;
  run.set_order(order);
  run.set_repetition(plan.turns[order].repetition);
  run.mutable_settings()->Add(point.settings.begin(), point.settings.end());
  return run;
}

TEST(SweepCsvTest, PythonReadsWhatWasWritten) {
  const SweepPlan plan = PlanSweep(SmallSweep());
  std::map<int, SweepRun> runs;
  SweepRun& done = runs[0] = RunOf(plan, 0);
  done.set_answers_hash(~uint64_t{0});
  done.set_cpu_model("A \"B\", C");
  done.set_command("start 'a\nb'");
  done.mutable_prefill()->set_tokens_per_s(0.1);
  done.mutable_decode()->set_seconds(1e-9);
  SweepTime& time = *done.mutable_decode()->add_times();
  time.set_name("late ranks");
  time.set_seconds(0.25);
  SweepRun& failed = runs[3] = RunOf(plan, 3);
  failed.set_failure("exit code 1: \u2026");
  const std::vector<json> rows = ReadByPython(FormatSweepCsv(plan, runs, {0}));
  ASSERT_EQ(rows.size(), 2U);
  const json& row = rows[0];
  EXPECT_EQ(row["ranks"], plan.points[plan.turns[0].point].settings[0].value());
  EXPECT_EQ(row["load"], plan.points[plan.turns[0].point].settings[1].value());
  EXPECT_EQ(row["order"], "0");
  EXPECT_EQ(row["void"], "1");
  EXPECT_EQ(row["answers_hash"], "18446744073709551615");
  EXPECT_EQ(row["cpu_model"], done.cpu_model());
  EXPECT_EQ(row["command"], done.command());
  EXPECT_EQ(row["prefill_tokens_per_s"], "0.1");
  EXPECT_EQ(std::stod(row["decode_seconds"].get<std::string>()), 1e-9);
  EXPECT_EQ(row["decode: late ranks seconds"], "0.25");
  EXPECT_EQ(row["prefill: late ranks seconds"], "");
  EXPECT_EQ(row["failure"], "");
  EXPECT_EQ(rows[1]["order"], "3");
  EXPECT_EQ(rows[1]["void"], "0");
  EXPECT_EQ(rows[1]["failure"], failed.failure());
  EXPECT_EQ(rows[1]["prefill_tokens_per_s"], "");
  EXPECT_EQ(rows[1]["answers_hash"], "");
  EXPECT_EQ(rows[1].size(), row.size());
}

}  // namespace
}  // namespace octet
