#include "launch/observe/timeline.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "parallel/transport/collectives.h"
#include "tests/support/json.h"
#include "tests/support/local_ranks.h"
#include "tests/support/memory_file_system.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// What a rank does: two layers, and a wait for the others in each.
void ActLikeAStep(Communicator& comm) {
  for (int layer = 0; layer < 2; ++layer) {
    const Activity::Scope attention({"attention", layer});
    const Activity::Scope dispatch({"dispatch", layer});
    AllGather(comm, {"dispatch", layer}, "");
  }
}

TEST(Timeline, HasARowForEachRankAndPhase) {
  constexpr int kRanks = 3;
  MemoryFileSystem files;
  std::vector<std::string> notes;
  RunLocalRanks(kRanks, [&](Communicator& comm) {
    TimelineRecorder recorder(comm);
    ActLikeAStep(comm);
    std::vector<std::string> mine;
    const absl::Status status = WriteTimeline(comm, recorder, files, "t.json", mine);
    EXPECT_TRUE(status.ok()) << status;
    if (comm.rank() == 0) notes = mine;
  });
  EXPECT_THAT(notes, IsEmpty());
  const nlohmann::json timeline = ParseJson(files.files["t.json"]);
  std::set<int> ranks;
  std::map<std::pair<int, int>, std::string> rows;
  std::map<std::pair<int, int>, double> ends;
  for (const nlohmann::json& event : timeline["traceEvents"]) {
    const std::pair<int, int> row = {event["pid"], event["tid"]};
    if (event["ph"] == "M") {
      if (event["name"] == "thread_name") rows[row] = event["args"]["name"];
      continue;
    }
    EXPECT_EQ(event["ph"], "X");
    EXPECT_GT(row.second, 0);  // which Perfetto would show as Linux's idle task
    EXPECT_GE(event["ts"].get<double>(), ends[row]);
    EXPECT_GE(event["dur"].get<double>(), 0);
    ends[row] = event["ts"].get<double>() + event["dur"].get<double>() - 0.001;
    EXPECT_TRUE(event["name"] != "attention" || event["args"].contains("layer")) << event;
    ranks.insert(row.first);
  }
  EXPECT_THAT(ranks, ElementsAre(1, 2, 3));
  for (const auto& [row, end] : ends) EXPECT_NE(rows[row], "") << row.second;
}

TEST(Timeline, NamesWhatFollowedWhat) {
  RunLocalRanks(1, [&](Communicator& comm) {
    TimelineRecorder recorder(comm);
    {
      const Activity::Scope attention({"attention", 3});
      const Activity::Scope same({"attention", 3});
      comm.watchdog().activity().set_waiting(true);
      comm.watchdog().activity().set_waiting(false);
    }
    const RankTimeline timeline = recorder.Take();
    std::vector<std::string> places;
    for (int i = 1; i < timeline.phase_size(); ++i) {
      places.push_back(absl::StrCat(timeline.phases(timeline.phase(i)), timeline.layer(i),
                                    timeline.waiting(i) ? " waits" : ""));
    }
    ASSERT_EQ(timeline.start_ns_size(), timeline.phase_size() + 1);
    EXPECT_EQ(places[0], "attention3");
    EXPECT_EQ(places[1], "attention3 waits");
    EXPECT_EQ(places[2], "attention3");
    EXPECT_EQ(places.size(), 4U);
    EXPECT_TRUE(timeline.complete());
  });
}

TEST(Timeline, KeepsTheBeginning) {
  MemoryFileSystem files;
  RunLocalRanks(1, [&](Communicator& comm) {
    TimelineRecorder recorder(comm, /*most_places=*/5);
    for (int i = 0; i < 10; ++i) ActLikeAStep(comm);
    std::vector<std::string> notes;
    EXPECT_TRUE(WriteTimeline(comm, recorder, files, "t.json", notes).ok());
    EXPECT_THAT(notes, ElementsAre(HasSubstr("of rank 0, which is as much as is kept")));
  });
  int spans = 0;
  const nlohmann::json events = ParseJson(files.files["t.json"])["traceEvents"];
  for (const nlohmann::json& event : events) {
    spans += event["ph"] == "X" ? 1 : 0;
  }
  EXPECT_EQ(spans, 5);
}

}  // namespace
}  // namespace octet
