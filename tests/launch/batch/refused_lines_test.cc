#include "tests/support/run_batch_fixture.h"

namespace octet::batch_runs {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST_F(RunBatchTest, RefusedLinesAreToldWithTheirReasons) {
  std::string input;
  for (int i = 0; i < 50; ++i) {
    input += absl::StrReplaceAll(Renamed("r" + std::to_string(i)),
                                 {{"\"temperature\": 0", "\"logprob_token_ids\": [1]"}});
  }
  WriteFile(input_, input + Refused("x"));
  const ProcessResult result = RunOctet(2, "run-batch " + Files() + "--progress none --report " +
                                               directory_ + "/report --model " + kDemoModel);
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output,
              HasSubstr("octet: note: line 1 is refused: 'logprob_token_ids' is not "));
  EXPECT_THAT(result.output, HasSubstr("octet: note: no line was answered; 51 lines were refused"));
  EXPECT_THAT(result.output, HasSubstr("\n  50 x 'logprob_token_ids' is not "));
  EXPECT_THAT(result.output, HasSubstr("(first: line 1)\n  1 x 'temperature' must be "));
  EXPECT_THAT(result.output, HasSubstr("(first: line 51)"));
  const json report = ParseJson(ReadFile(directory_ + "/report/summary.json"));
  ASSERT_EQ(report["refusals"].size(), 2U);
  EXPECT_EQ(report["refusals"][0]["lines"], 50);
  EXPECT_EQ(report["refusals"][1]["first_line"], 51);
}

TEST_F(RunBatchTest, RefusedLinesFailAJobWhereThatIsAskedFor) {
  WriteFile(input_, kRequest + Refused("b") + Refused("c"));
  const std::string job = "run-batch " + Files() + "--model " + kDemoModel + " --fail-on-refused";
  for (const int ranks : {0, 2}) {
    const ProcessResult result = RunOctet(ranks, job + " --overwrite");
    EXPECT_EQ(result.exit_code, 1) << result.output;
    EXPECT_THAT(result.output, HasSubstr("2 lines of 1 or more were refused (--fail-on-refused); "
                                         "the output is complete"));
    EXPECT_THAT(result.output, HasSubstr("2 lines were refused: 2 x 'temperature' must be "));
    EXPECT_EQ(ParseLines(ReadFile(output_)).size(), 3U);
  }
  EXPECT_EQ(RunOctet(0, job + "=3 --overwrite").exit_code, 0);
  const ProcessResult again = RunOctet(2, job + "=2 --resume");
  EXPECT_EQ(again.exit_code, 1) << again.output;
  EXPECT_THAT(again.output, HasSubstr("is complete since"));
  EXPECT_THAT(again.output, HasSubstr("2 x 'temperature' must be "));
}

}  // namespace
}  // namespace octet::batch_runs
