// What a user of --home, "home" and --expert-parallel meets.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/trace/token_table.h"
#include "runtime/trace/trace_reader.h"
#include "tests/support/run_batch_fixture.h"

namespace octet::homes {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr int kRequests = 8;
constexpr int kExperts = 8;

std::string Line(int number, json body) {
  body.update({{"prompt", std::string(1 + 5 * number, 'a')}, {"max_tokens", 5}});
  return json{{"custom_id", std::to_string(number)}, {"url", "/v1/completions"}, {"body", body}}
             .dump() +
         "\n";
}

class HomesTest : public batch_runs::RunBatchTest {
 protected:
  void SetUp() override { WriteFile(input_, Lines()); }

  static std::string Lines() {
    std::string lines;
    for (int i = 0; i < kRequests; ++i) lines += Line(i, json::object());
    return lines;
  }

  // The output of a job that must come to its end.
  std::string Answers(int ranks, const std::string& flags) {
    said_ = RunOctet(
        ranks, "run-batch --overwrite --model " + std::string(kDemoModel) + " " + Files() + flags);
    EXPECT_EQ(said_.exit_code, 0) << said_.output;
    return ReadFile(output_);
  }

  std::string Trace(const std::string& name) const { return directory_ + "/" + name; }

  // [lines] of a trace.
  static std::vector<int> HomesIn(const TokenTable& table) {
    std::vector<int> homes;
    for (const TracedAnswer& answer : table.answers) {
      homes.push_back(table.places[answer.first_row].rank);
    }
    return homes;
  }

  TokenTable Read(const std::string& name) {
    absl::StatusOr<TokenTable> table = ReadTokenTable(files_, Trace(name));
    EXPECT_TRUE(table.ok()) << table.status();
    return *std::move(table);
  }

  PosixFileSystem files_;
  ProcessResult said_;  // by the latest job
};

TEST_F(HomesTest, RoundRobinDealsRequestsOutInTurn) {
  const std::string expected = Answers(0, "");
  EXPECT_EQ(Answers(3, "--home round-robin --trace " + Trace("t.zst")), expected);
  EXPECT_THAT(HomesIn(Read("t.zst")), ElementsAre(0, 1, 2, 0, 1, 2, 0, 1));
  absl::StatusOr<TraceReader> reader = TraceReader::Open(files_, Trace("t.zst"));
  ASSERT_TRUE(reader.ok() && reader->Next().ok());
  EXPECT_EQ(reader->header().home_policy(), "round-robin");
}

// The one of two ranks that has more of the experts that the line's first 32 tokens chose; -1: both
// have as many.
int NearerOfTwo(const TokenTable& table, const TracedAnswer& answer) {
  const int64_t slots = int64_t{table.num_layers} * table.topk;
  const int64_t tokens = std::min<int64_t>(32, answer.num_tokens);
  int64_t on_rank1 = 0;
  for (int64_t s = 0; s < tokens * slots; ++s) {
    if (table.experts[answer.first_row * slots + s] >= kExperts / 2) ++on_rank1;
  }
  if (2 * on_rank1 == tokens * slots) return -1;
  return 2 * on_rank1 > tokens * slots ? 1 : 0;
}

TEST_F(HomesTest, AffinityFollowsTheTraceOfAnEarlierRun) {
  const std::string expected = Answers(1, "--trace " + Trace("before.zst"));
  const std::string flags = "--home affinity:" + Trace("before.zst") + " --trace ";
  EXPECT_EQ(Answers(2, flags + Trace("t.zst")), expected);
  EXPECT_THAT(said_.output, Not(HasSubstr("--home")));
  const TokenTable table = Read("t.zst");
  const std::vector<int> homes = HomesIn(table);
  int decided = 0;
  for (int i = 0; i < kRequests; ++i) {
    const int nearer = NearerOfTwo(table, table.answers[i]);
    if (nearer < 0) continue;
    EXPECT_EQ(homes[i], nearer) << i;
    ++decided;
  }
  EXPECT_GT(decided, 2);
}

TEST_F(HomesTest, AffinityRefusesWhatIsNoTraceOfTheModel) {
  const std::string demo = Files() + "--model " + kDemoModel + " --home affinity:";
  ExpectRefused(2, demo + Trace("none.zst"), "--home affinity:" + Trace("none.zst"));
  ExpectRefused(0, demo + input_, "--home affinity:" + input_ + ": has no tokens");
  WriteFile(input_, R"({"custom_id": "a", "url": "/v1/completions", "body": {"prompt": [5]}})");
  const ProcessResult basic =
      RunOctet(0, "run-batch --model " OCTET_SOURCE_DIR "/tests/golden/hf/basic -i " + input_ +
                      " -o " + directory_ + "/basic.jsonl --trace " + Trace("basic.zst"));
  ASSERT_EQ(basic.exit_code, 0) << basic.output;
  ExpectRefused(2, demo + Trace("basic.zst"), "record one with --trace on this model");
  Answers(0, "--trace " + Trace("t.zst"));
  const ProcessResult same =
      RunOctet(0, "run-batch --overwrite " + demo + Trace("t.zst") + " --trace " + Trace("t.zst"));
  EXPECT_EQ(same.exit_code, 2);
  EXPECT_THAT(same.output, HasSubstr("--trace would overwrite that of --home affinity:"));
}

TEST_F(HomesTest, ARequestMayNameItsHome) {
  const std::string expected = Answers(0, "");
  const int homes[] = {2, 2, 1, 2, 0, 2, 1, 0};
  std::string lines;
  for (int i = 0; i < kRequests; ++i) lines += Line(i, {{"home", homes[i]}});
  WriteFile(input_, lines + Line(kRequests, {{"home", 3}}));
  const std::string answers = Answers(3, "--allow-home --max-num-seqs 3 --trace " + Trace("t.zst"));
  EXPECT_EQ(answers.substr(0, expected.size()), expected);
  const json refused = ParseLines(answers).back();
  EXPECT_EQ(refused["response"]["status_code"], 400);
  EXPECT_EQ(refused["error"]["message"], "'home' must be a whole number from 0 to 2");
  EXPECT_THAT(HomesIn(Read("t.zst")), testing::ElementsAreArray(homes));
}

TEST_F(HomesTest, WithoutTheFlagAHomeIsNoField) {
  WriteFile(input_, Line(0, {{"home", 0}}));
  const json refused = ParseLines(Answers(2, "")).front();
  EXPECT_EQ(refused["response"]["body"]["error"]["param"], "home");
  EXPECT_EQ(refused["response"]["body"]["error"]["code"], "unknown_parameter");
}

TEST_F(HomesTest, AResumeMayHaveAnotherPolicy) {
  Answers(0, "--home round-robin");
  const std::string again =
      "run-batch --resume --model " + std::string(kDemoModel) + " " + Files() + " ";
  const ProcessResult other = RunOctet(2, again + "--home least-loaded");
  EXPECT_EQ(other.exit_code, 0);
  EXPECT_THAT(other.output, HasSubstr("is complete since"));
  const ProcessResult allowed = RunOctet(0, again + "--allow-home");
  EXPECT_EQ(allowed.exit_code, 2);
  EXPECT_THAT(allowed.output, HasSubstr("--allow-home was 0, and is 1"));
}

// The rows that ranks send each other for experts, of a trace.
int64_t RowsToOthers(FileSystem& files, const std::string& path) {
  absl::StatusOr<TraceReader> reader = TraceReader::Open(files, path);
  EXPECT_TRUE(reader.ok()) << reader.status();
  int64_t rows = 0;
  while (true) {
    const absl::StatusOr<const TraceRecord*> record = reader->Next();
    EXPECT_TRUE(record.ok()) << record.status();
    if (!record.ok() || *record == nullptr) return rows;
    for (const PeerRows& peer : (*record)->step().peers()) {
      if (peer.rank() == (*record)->step().rank()) continue;
      rows += peer.rows_in_place() + peer.rows_sent();
    }
  }
}

TEST_F(HomesTest, WithoutExpertParallelismNoRankServesAnother) {
  const std::string expected = Answers(0, "");
  EXPECT_EQ(Answers(3, "--trace " + Trace("on.zst")), expected);
  EXPECT_GT(RowsToOthers(files_, Trace("on.zst")), 0);
  EXPECT_EQ(Answers(3, "--expert-parallel off --trace " + Trace("off.zst")), expected);
  EXPECT_THAT(said_.output, HasSubstr("note: --expert-parallel off: as with --ep-size 1 each"));
  EXPECT_THAT(said_.output, HasSubstr("3 groups"));
  EXPECT_EQ(RowsToOthers(files_, Trace("off.zst")), 0);
  EXPECT_THAT(HomesIn(Read("off.zst")), ElementsAre(0, 1, 2, 0, 1, 2, 0, 1));
}

}  // namespace
}  // namespace octet::homes
