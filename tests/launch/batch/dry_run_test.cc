#include "tests/support/run_batch_fixture.h"

namespace octet::batch_runs {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST_F(RunBatchTest, ADryRunChecksAllLines) {
  WriteFile(input_, kRequest + Refused("b") + Renamed("a") + Renamed("c"));
  const std::string job = "run-batch --dry-run " + Files() + "--model " + kDemoModel +
                          " --report " + directory_ + "/r ";
  for (const int ranks : {0, 2}) {
    const ProcessResult result = RunOctet(ranks, job);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    EXPECT_THAT(result.output, HasSubstr("octet: 4 lines: 2 to answer, 2 refused"));
    EXPECT_THAT(result.output, HasSubstr("2 answers of at most 10 tokens to prompts of "));
    EXPECT_THAT(result.output, HasSubstr("1 x 'temperature' must be "));
    EXPECT_THAT(result.output, HasSubstr("(first: line 3)"));
  }
  EXPECT_EQ(RunOctet(2, job + "--fail-on-refused").exit_code, 1);
  EXPECT_EQ(RunOctet(0, job + "--fail-on-refused=3").exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(output_));
  EXPECT_FALSE(std::filesystem::exists(output_ + ".journal"));
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/r"));
}

TEST_F(RunBatchTest, ADryRunRefusesWhatTheJobWould) {
  const std::string demo = std::string("--dry-run --model ") + kDemoModel + " ";
  ExpectRefused(0, "-i " + input_ + " " + demo, "--output is missing");
  ExpectRefused(2, "-i /nowhere.jsonl -o " + output_ + " " + demo, "/nowhere.jsonl");
  ExpectRefused(0, "-i " + input_ + " -o /nowhere/out.jsonl " + demo, "/nowhere");
  ExpectRefused(0, Files() + demo + "--resume --overwrite", "exclude each other");
  EXPECT_EQ(RunOctet(0, "run-batch " + demo).exit_code, 0);  // only the plan
}

TEST_F(RunBatchTest, ADryRunLoadsAndWritesNothing) {
  WriteFile(input_, kRequest);
  const ProcessResult result =
      RunOctet(2, "run-batch " + Files() + "--dry-run --model " + kDemoModel);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, HasSubstr("2 ranks x 1 thread, numerics class"));
  EXPECT_THAT(result.output, HasSubstr("rank 1: experts 0.01 GiB, KV cache up to"));
  EXPECT_THAT(result.output, HasSubstr("placement contiguous\n  experts from layer 0 on: rank 0: "
                                       "0 1 2 3; rank 1: 4 5 6 7\n"));
  EXPECT_THAT(
      RunOctet(2, "run-batch " + Files() + "--dry-run --placement by-memory --model " + kDemoModel)
          .output,
      HasSubstr("placement by-memory\n  experts from layer 0 on: rank 0: 0 1 2 3; rank 1"));
  EXPECT_THAT(result.output, Not(HasSubstr("loaded")));
  EXPECT_FALSE(std::filesystem::exists(output_));
  EXPECT_FALSE(std::filesystem::exists(output_ + ".journal"));
}

}  // namespace
}  // namespace octet::batch_runs
