// Experts that move while a batch job runs, as a user sees it.

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "parallel/placement/expert_placement.h"
#include "runtime/trace/trace_reader.h"
#include "tests/support/demo_model.h"
#include "tests/support/json.h"
#include "tests/support/octet_process.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using nlohmann::json;
using testing::HasSubstr;

// The demo model on two ranks.
constexpr PlacementShape kTwoRanks = {.num_layers = 3, .num_experts = 8, .num_ranks = 2};

std::string Requests(int count) {
  std::string lines;
  for (int i = 0; i < count; ++i) {
    const json body = {{"prompt", std::string(1 + 7 * (i % 9), static_cast<char>('a' + i % 20))},
                       {"max_tokens", 12 + i % 9},
                       {"ignore_eos", true}};
    lines +=
        json{{"custom_id", absl::StrCat(i)}, {"url", "/v1/completions"}, {"body", body}}.dump() +
        "\n";
  }
  return lines;
}

class LiveMovesRunTest : public testing::Test {
 protected:
  std::string Path(const std::string& name) const { return directory_ + "/" + name; }

  std::string Command(const std::string& flags) const {
    return absl::StrCat("run-batch --overwrite --model ", kDemoModel, " -i ", Path("in.jsonl"),
                        " -o ", Path("out.jsonl"), " ", flags);
  }

  std::string AnswersOf(int ranks, const std::string& flags) const {
    const ProcessResult result = RunOctet(ranks, Command(flags));
    EXPECT_EQ(result.exit_code, 0) << result.output;
    return ReadFile(Path("out.jsonl"));
  }

  // The placements of a trace, in their order.
  std::vector<std::string> Placements(const std::string& trace) {
    std::vector<std::string> placements;
    TraceReader reader = *TraceReader::Open(files_, Path(trace));
    while (const TraceRecord* record = *reader.Next()) {
      if (!record->has_header()) continue;
      EXPECT_EQ(record->header().continues(), !placements.empty());
      placements.push_back(
          ExpertPlacement::FromProto(record->header().placement(), kTwoRanks)->ToString());
    }
    return placements;
  }

  void ExpectRefused(const std::string& flags, const std::string& message) const {
    const ProcessResult result = RunOctet(0, Command(flags));
    EXPECT_EQ(result.exit_code, 2) << flags;
    EXPECT_THAT(result.output, HasSubstr(message)) << flags;
  }

  PosixFileSystem files_;
  const std::string directory_ = TestDirectory();
};

TEST_F(LiveMovesRunTest, ExpertsFollowTheTokensAndAnswersStay) {
  WriteFile(Path("in.jsonl"), Requests(24));
  const std::string expected = AnswersOf(0, "");
  const std::string moves = absl::StrCat("--report ", directory_, " --max-num-seqs 4 ",
                                         "--rebalance-every 4 --spare-experts 12 --trace ");
  for (const char* flags : {"--rebalance-policy eplb --replicas 3", "--rebalance-policy partition",
                            "--placement random:4 --overlap on"}) {
    EXPECT_EQ(AnswersOf(2, absl::StrCat(moves, Path("t.zst "), flags)), expected) << flags;
    EXPECT_GE(Placements("t.zst").size(), 2U) << flags;
    EXPECT_GT(ParseJson(ReadFile(Path("summary.json")))["experts_moved"], 0) << flags;
    const ProcessResult stats = RunOctet(0, "trace stats " + Path("t.zst"));
    EXPECT_THAT(stats.output, HasSubstr("; as counted")) << flags;
    EXPECT_THAT(stats.output, HasSubstr("1 attempt;")) << flags;
    std::filesystem::remove(Path("t.zst"));
  }
}

TEST_F(LiveMovesRunTest, ExpertsMoveToWhatTheFileSaysAtUsr2) {
  const auto first = ExpertPlacement::Parse("contiguous", kTwoRanks).value();
  const auto second = ExpertPlacement::Parse("random:5", kTwoRanks).value();
  WriteFile(Path("in.jsonl"), Requests(30));
  const std::string expected = AnswersOf(0, "");
  const std::string placement = Path("placement.textproto");
  WriteFile(placement, first.ToProto().DebugString());
  WriteFile(Path("next.textproto"), second.ToProto().DebugString());
  WriteFile(Path("lines.jsonl"), Requests(30));
  std::filesystem::remove(Path("in.jsonl"));
  // The job waits for requests until experts have begun to move.
  const std::string run =
      absl::StrCat(OctetCommand(2), " ",
                   Command(absl::StrCat("--spare-experts 12 --placement ", placement, " --trace ",
                                        Path("t.zst"))));
  const ProcessResult result = RunShell(absl::StrCat(
      "cd ", directory_, "; mkfifo in.jsonl; exec 9<>in.jsonl; ", run,
      " 2> log 9>&- & job=$!; until grep -q loaded log; do sleep 0.1; done; head -n 2 lines.jsonl "
      ">&9; ",
      "cp next.textproto placement.textproto; kill -USR2 $job; ",
      "until grep -q experts.move log; do sleep 0.1; done; tail -n +3 lines.jsonl >&9; ",
      "exec 9>&-; wait $job; code=$?; cat log; exit $code"));
  ASSERT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(ReadFile(Path("out.jsonl")), expected);
  const std::vector<std::string> placements = Placements("t.zst");
  ASSERT_GE(placements.size(), 2U) << result.output;
  EXPECT_EQ(placements.front(), first.ToString());
  EXPECT_EQ(placements.back(), second.ToString());
}

TEST_F(LiveMovesRunTest, RefusesWhatHasNoEffect) {
  WriteFile(Path("in.jsonl"), Requests(1));
  ExpectRefused("--rebalance-policy eplb", "no effect without --rebalance-every");
  ExpectRefused("--spare-experts 3", "no effect without --rebalance-every or a file");
  ExpectRefused("--rebalance-every 5 --rebalance-policy best", "must be eplb or partition");
  ExpectRefused("--rebalance-every 0", "--rebalance-every must be a whole number from 1");
}

}  // namespace
}  // namespace octet
