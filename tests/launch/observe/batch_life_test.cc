// A job's life on the command line: what failed is computed again, and what it did can be watched.

#include <absl/strings/str_cat.h>
#include <absl/strings/str_split.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/prometheus_reader.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::IsSupersetOf;
using testing::SizeIs;

std::string CompletionLine(const std::string& id, const std::string& fields) {
  return absl::StrCat(R"({"custom_id": ")", id,
                      R"(", "method": "POST", "url": "/v1/completions", "body": {)", fields,
                      "}}\n");
}

class BatchLifeTest : public testing::Test {
 protected:
  ProcessResult RunBatch(int ranks, const std::string& flags) const {
    return RunOctet(ranks, absl::StrCat("run-batch --model ", kDemoModel, " -i ", input_, " -o ",
                                        output_, " --threads 1 ", flags));
  }
  nlohmann::json JobStatusNow() const {
    return ParseJson(RunOctet(0, "jobs --json " + output_).output);
  }

  const std::string directory_ = TestDirectory();
  const std::string input_ = directory_ + "/in.jsonl";
  const std::string output_ = directory_ + "/out.jsonl";
  const std::string good_ = CompletionLine("a", R"("prompt": "And", "max_tokens": 4)");
};

TEST_F(BatchLifeTest, LinesThatFailedAreComputedAfterAFix) {
  const std::string typo = R"("prompt": "The", "max_tokns": 3)";
  WriteFile(input_, good_ + CompletionLine("b", typo) + CompletionLine("c", typo));
  ASSERT_EQ(RunBatch(0, "").exit_code, 0);
  EXPECT_EQ(JobStatusNow()["failed"], 2);
  const std::vector<std::string> before = absl::StrSplit(ReadFile(output_), '\n');

  WriteFile(input_, good_ + CompletionLine("b", R"("prompt": "The", "max_tokens": 3)") +
                        CompletionLine("c", typo));
  const ProcessResult retried = RunBatch(2, "--retry-failed");
  EXPECT_EQ(retried.exit_code, 0) << retried.output;
  EXPECT_THAT(retried.output,
              AllOf(HasSubstr("goes on after 1 results"), HasSubstr("computes 2 lines again"),
                    HasSubstr("answers stay as they are")));
  const std::vector<std::string> after = absl::StrSplit(ReadFile(output_), '\n');
  ASSERT_THAT(after, SizeIs(4));
  EXPECT_EQ(after[0], before[0]);
  EXPECT_EQ(ParseJson(after[1])["response"]["status_code"], 200);
  EXPECT_EQ(after[2], before[2]);
  EXPECT_EQ(JobStatusNow()["failed"], 1);
  EXPECT_EQ(JobStatusNow()["answered"], 2);

  // The last one needs no new input, but a flag.
  EXPECT_EQ(RunBatch(0, "--retry-failed --lenient").exit_code, 0);
  EXPECT_EQ(JobStatusNow()["failed"], 0);
  EXPECT_THAT(RunBatch(0, "--retry-failed --lenient").output, HasSubstr("none of which failed"));
}

TEST_F(BatchLifeTest, ARetryIsRefusedWhereItCantBe) {
  WriteFile(input_, good_);
  EXPECT_THAT(RunBatch(0, "--retry-failed").output, HasSubstr("no journal tells of a job"));
  EXPECT_THAT(RunBatch(0, "--retry-failed --trace " + directory_ + "/t.zst").output,
              HasSubstr("--retry-failed: answers that stay have no --trace"));
  ASSERT_EQ(RunBatch(0, "").exit_code, 0);
  const ProcessResult other = RunBatch(0, "--retry-failed --seed 7");
  EXPECT_EQ(other.exit_code, 2);
  EXPECT_THAT(other.output, HasSubstr("--seed was 0, and is 7"));
}

TEST_F(BatchLifeTest, MetricsAndTimelineOfTwoRanks) {
  WriteFile(input_, good_ + CompletionLine("b", R"("prompt": [], "max_tokens": 3)"));
  const std::string metrics = directory_ + "/m.prom";
  const std::string timeline = directory_ + "/t.json";
  const ProcessResult result =
      RunBatch(2, absl::StrCat("--metrics ", metrics, " --timeline ", timeline));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  const PrometheusPage page = ReadPrometheus(ReadFile(metrics));
  EXPECT_THAT(page.faults, IsEmpty());
  EXPECT_EQ(page.samples.at("octet_requests_total{result=\"answered\"}"), 1);
  EXPECT_EQ(page.samples.at("octet_requests_total{result=\"refused\"}"), 1);
  EXPECT_EQ(page.samples.at("octet_requests_left"), 0);
  EXPECT_EQ(page.samples.at("octet_tokens_total{kind=\"generated\"}"), 4);
  EXPECT_EQ(page.samples.at("octet_ranks"), 2);
  EXPECT_EQ(page.samples.at("octet_finished"), 1);
  EXPECT_GT(page.samples.at("octet_sent_bytes_total{kind=\"dispatch\"}"), 0);

  std::set<int> ranks;
  std::set<std::string> phases;
  const nlohmann::json events = ParseJson(ReadFile(timeline))["traceEvents"];
  for (const nlohmann::json& event : events) {
    if (event["ph"] != "X") continue;
    ranks.insert(event["pid"].get<int>());
    phases.insert(event["name"].get<std::string>());
  }
  EXPECT_THAT(ranks, SizeIs(2));
  EXPECT_THAT(phases, IsSupersetOf({"attention", "router", "experts", "head", "sampling"}));
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    EXPECT_THAT(entry.path().extension(), testing::AnyOf(".prom", ".json", ".jsonl", ".journal"));
  }
}

TEST_F(BatchLifeTest, MetricsAndTimelineMayNotTakeOtherFiles) {
  WriteFile(input_, good_);
  EXPECT_THAT(RunBatch(0, "--metrics " + input_).output,
              HasSubstr("--metrics would overwrite --input"));
  EXPECT_THAT(RunBatch(0, "--timeline " + output_).output,
              HasSubstr("--timeline and --output are the same file"));
  EXPECT_EQ(RunBatch(0, "--metrics " + directory_ + "/no/m.prom").exit_code, 2);
}

}  // namespace
}  // namespace octet
