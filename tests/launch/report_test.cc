#include "launch/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <numeric>

#include "tests/support/json.h"
#include "tests/support/local_ranks.h"
#include "tests/support/memory_file_system.h"
#include "tests/support/rank_model.h"

namespace octet {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int kRanks = 3;
constexpr char kModel[] = OCTET_SOURCE_DIR "/tests/golden/hf/basic";

struct RunAccount {
  RunReport report;
  std::map<std::string, int64_t> bytes_sent;  // by kind, of all ranks
  int64_t expert_bytes = 0;                   // of all ranks
  int64_t checkpoint_bytes = 0;
};

// Two prompts of 20 and 30 tokens with 4 and 2 new ones.
RunAccount RunSmallJob() {
  RunAccount account;
  std::mutex mutex;
  RunLocalRanks(kRanks, [&](Communicator& comm) {
    PosixFileSystem files;
    RunConfig config;
    config.set_model(kModel);
    config.set_placement("round-robin");
    config.set_isa("auto");
    config.set_row_transport("auto");
    config.set_dtype("auto");
    config.set_device("cpu");
    config.set_threads(1);
    config.set_memory("90%");
    config.set_timeout(60);
    config.set_max_num_seqs(8);
    config.set_max_num_batched_tokens(90);
    config.set_max_model_len(64);
    config.set_kv_cache_gib(0.01);
    const auto setup = SetUpJob(comm, config, files);
    OCTET_CHECK(setup.ok()) << setup.status();
    const auto session = Session::Load(comm, *setup, 60, [](uint64_t, uint64_t) {});
    OCTET_CHECK(session.ok()) << session.status();
    Engine& engine = (*session)->engine();
    if (comm.rank() == 0) {
      engine.Submit(GreedyRequest(0, std::vector<int32_t>(20, 7), 4));
      engine.Submit(GreedyRequest(1, std::vector<int32_t>(30, 9), 2));
      engine.Close();
    }
    std::vector<FinishedSequence> finished;
    while (engine.Step(finished)) {
    }
    const Communicator& group = (*session)->group();
    const RunReport report = MakeReport(comm, *setup, **session);
    const std::lock_guard lock(mutex);
    account.bytes_sent["dispatch"] += group.bytes_read_in_place(Traffic::kDispatch);
    account.bytes_sent["combine"] += group.bytes_read_in_place(Traffic::kCombine);
    account.expert_bytes += static_cast<int64_t>((*session)->weights().expert_bytes());
    if (comm.rank() != 0) return;
    account.report = report;
    const ExpertPlacement all = ExpertPlacement::Parse("contiguous", {2, 8, 1}).value();
    account.checkpoint_bytes =
        static_cast<int64_t>(BytesToLoad(setup->model.tensors, setup->model.config, all, 0));
  });
  return account;
}

TEST(ReportTest, AddsUpAllRanks) {
  const RunAccount account = RunSmallJob();
  const RunReport& report = account.report;
  EXPECT_THAT(report.numerics_class(), HasSubstr("float32/float32/"));
  EXPECT_EQ(report.ranks(), kRanks);
  EXPECT_EQ(report.threads(), 1);
  EXPECT_EQ(report.steps(), 4);
  EXPECT_EQ(report.prompt_tokens(), 50);
  EXPECT_EQ(report.generated_tokens(), 6);

  ASSERT_EQ(report.rank_memory_size(), kRanks);
  int64_t expert_bytes = 0;
  for (const RankMemory& memory : report.rank_memory()) {
    EXPECT_EQ(memory.replicated_weight_bytes(), report.rank_memory(0).replicated_weight_bytes());
    EXPECT_GT(memory.kv_cache_bytes(), 0);
    EXPECT_LE(memory.kv_cache_bytes(), int64_t{1} << 24);
    expert_bytes += memory.expert_weight_bytes();
  }
  EXPECT_EQ(expert_bytes, account.expert_bytes);
  EXPECT_EQ(expert_bytes, int64_t{2} * 8 * 3 * 64 * 96 * 4);
  // The ranks of this host read the checkpoint once between them.
  int64_t bytes_read = 0;
  for (const RankMemory& memory : report.rank_memory()) {
    bytes_read += memory.checkpoint_bytes_read();
  }
  EXPECT_EQ(bytes_read, account.checkpoint_bytes);

  std::map<std::string, int64_t> traffic;
  for (const TrafficBytes& t : report.traffic()) traffic[t.kind()] = t.bytes();
  EXPECT_EQ(traffic.size(), 4U);
  EXPECT_GT(traffic["dispatch"], 0);
  EXPECT_EQ(traffic["dispatch"], account.bytes_sent.at("dispatch"));
  EXPECT_EQ(traffic["combine"], account.bytes_sent.at("combine"));
  for (const TrafficBytes& t : report.traffic()) {  // threads read rows of each other in place
    EXPECT_EQ(t.bytes_in_place(), account.bytes_sent.contains(t.kind()) ? t.bytes() : 0);
  }

  ASSERT_EQ(report.expert_load_size(), 2);
  for (const LayerLoad& load : report.expert_load()) {
    const bool is_last = &load == &report.expert_load(1);  // only tokens from which one was sampled
    ASSERT_EQ(load.tokens_size(), 8);
    EXPECT_EQ(std::accumulate(load.tokens().begin(), load.tokens().end(), int64_t{0}),
              2 * (is_last ? 6 : 50 + 3 + 1));
    EXPECT_GT(load.expert_balancedness(), 0);
    EXPECT_LE(load.expert_balancedness(), 1);
    EXPECT_GT(load.rank_balancedness(), 0);
    EXPECT_LE(load.rank_balancedness(), 1);
  }
}

RunReport SmallReport() {
  RunReport report;
  report.set_ranks(2);
  report.set_requests(7);
  report.set_failed_requests(1);
  report.set_prompt_tokens(50);
  report.set_generated_tokens(6);
  report.set_steps(4);
  TrafficBytes* traffic = report.add_traffic();
  traffic->set_kind("dispatch");
  traffic->set_bytes(int64_t{1} << 40);
  LayerLoad* load = report.add_expert_load();
  load->add_tokens(3);
  load->add_tokens(1);
  load->set_expert_balancedness(2.0 / 3);
  load->set_rank_balancedness(1);
  return report;
}

TEST(ReportTest, TheSummaryIsForPeople) {
  const std::string text = FormatSummary(SmallReport());
  EXPECT_THAT(text, HasSubstr("7 answered, 1 refused\n"));
  EXPECT_THAT(text, HasSubstr("50 prompt, 6 generated in 4 steps\n"));
  EXPECT_THAT(text, HasSubstr("dispatch 1099511627776 B"));
  EXPECT_THAT(text, HasSubstr("layer 0    tokens of its experts: 3 1; balancedness 0.67, over "
                              "ranks 1.00\n"));
}

TEST(ReportTest, WritesJson) {
  MemoryFileSystem files;
  ASSERT_TRUE(WriteReport(SmallReport(), "/a/b", files).ok());
  ASSERT_TRUE(WriteReport(SmallReport(), "/a/b", files).ok()) << "again";
  const auto json = ParseJson(files.files.at("/a/b/summary.json"));
  EXPECT_EQ(json["ranks"], 2);
  EXPECT_EQ(json["failed_requests"], 1);
  EXPECT_EQ(json["load_seconds"], 0);  // zeros are stated
  EXPECT_EQ(json["expert_load"][0]["tokens"].size(), 2U);
}

TEST(ReportTest, ADirectoryThatIsNotThereIsNamed) {
  PosixFileSystem files;
  const absl::Status status = WriteReport(SmallReport(), "/proc/no", files);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/proc/no/summary.json"));
}

TEST(ReportTest, SaysWhatThePrefixCacheFound) {
  RunReport report = SmallReport();
  EXPECT_THAT(FormatSummary(report), Not(HasSubstr("prefix")));
  report.set_prefix_cache_queries(128000);
  report.set_prefix_cache_hits(125937);
  EXPECT_THAT(
      FormatSummary(report),
      HasSubstr("prefixes   125937 of 128000 prompt tokens found in the prefix cache (98.4 %)\n"));
}

TEST(ReportTest, SaysHowManyDraftTokensWereAccepted) {
  RunReport report = SmallReport();
  EXPECT_THAT(FormatSummary(report), Not(HasSubstr("draft")));
  report.set_draft_tokens(2000);
  report.set_accepted_tokens(1501);
  EXPECT_THAT(FormatSummary(report),
              HasSubstr("guesses    1501 of 2000 draft tokens accepted (75.0 %)\n"));
}

TEST(ReportTest, SaysHowFullTheSlotsWere) {
  RunReport report = SmallReport();
  EXPECT_THAT(FormatSummary(report), Not(HasSubstr("slots")));
  report.set_slot_occupancy(0.934);
  EXPECT_THAT(FormatSummary(report), HasSubstr("slots      93 % busy while requests waited\n"));
  report.set_kv_waits(12);
  report.set_kv_occupancy(0.91);
  report.set_preemptions(3);
  report.set_recomputed_tokens(400);
  EXPECT_THAT(FormatSummary(report),
              HasSubstr("; KV cache 91 % full in 12 steps that waited for it; 3 preemptions, 400 "
                        "tokens computed again\n"));
}

}  // namespace
}  // namespace octet
