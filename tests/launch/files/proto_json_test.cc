#include "launch/files/proto_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "launch/files/proto_text.h"
#include "proto/machine_profile.pb.h"
#include "proto/report.pb.h"
#include "proto/routing_trace.pb.h"
#include "proto/sweep.pb.h"
#include "tests/support/json.h"

namespace octet {
namespace {

TEST(ProtoJsonTest, WritesEveryFieldByItsType) {
  RunReport report;
  report.set_ranks(2);
  report.set_requests(int64_t{1} << 40);
  report.set_load_seconds(0.5);
  report.set_numerics_class("7");
  PhaseTime* phase = report.add_phases();
  phase->set_phase("head");
  report.add_expert_load()->add_tokens(3);
  const nlohmann::json json = ParseJson(JsonOf(report));
  EXPECT_EQ(json["ranks"], 2);
  EXPECT_EQ(json["requests"], int64_t{1} << 40);
  EXPECT_EQ(json["load_seconds"], 0.5);
  EXPECT_EQ(json["numerics_class"], "7");
  EXPECT_EQ(json["steps"], 0);
  EXPECT_EQ(json["phases"], ParseJson(R"([{"phase": "head", "seconds": 0.0}])"));
  EXPECT_EQ(json["expert_load"][0]["tokens"], ParseJson("[3]"));
  EXPECT_EQ(json["traffic"], nlohmann::json::array());
  EXPECT_EQ(static_cast<int>(json.size()), RunReport::descriptor()->field_count());
}

TEST(ProtoJsonTest, LeavesOutMessagesThatAreNotSet) {
  MachineProfile profile;
  EXPECT_FALSE(ParseJson(JsonOf(profile)).contains("exchange"));
  EXPECT_EQ(JsonOf(TraceRecord()), "{}\n");
  profile.mutable_exchange()->add_messages()->set_same_host(true);
  const nlohmann::json json = ParseJson(JsonOf(profile));
  EXPECT_FALSE(json.contains("kernels"));
  EXPECT_EQ(json["exchange"]["messages"][0]["same_host"], true);
}

// As protobuf does, because most readers of JSON have doubles only.
TEST(ProtoJsonTest, HashesAreTextOnOneLine) {
  SweepRun run;
  run.set_answers_hash(~uint64_t{0});
  const std::string line = JsonOf(run, JsonWriter::Layout::kOneLine);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(ParseJson(line)["answers_hash"], "18446744073709551615");
  SweepRun again;
  ASSERT_TRUE(ParseJsonProto(line, again).ok());
  EXPECT_EQ(again.answers_hash(), run.answers_hash());
}

// Protobuf's own writer aborts here.
TEST(ProtoJsonTest, WritesWhatIsNotUtf8) {
  RunReport report;
  report.add_rank_memory()->set_host("node\xff");
  report.set_run_seconds(std::numeric_limits<double>::quiet_NaN());
  const nlohmann::json json = ParseJson(JsonOf(report));
  EXPECT_EQ(json["rank_memory"][0]["host"], "node\uFFFD");
  EXPECT_EQ(json["run_seconds"], nullptr);
}

}  // namespace
}  // namespace octet
