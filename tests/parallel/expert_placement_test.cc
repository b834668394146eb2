#include "parallel/expert_placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ExpertPlacement, ContiguousSpreadsAnyNumberOfExperts) {
  const auto p = ExpertPlacement::Parse("contiguous", {1, 8, 3});
  EXPECT_THAT(p->LocalExperts(0, 0), ElementsAre(0, 1, 2));
  EXPECT_THAT(p->LocalExperts(0, 1), ElementsAre(3, 4, 5));
  EXPECT_THAT(p->LocalExperts(0, 2), ElementsAre(6, 7));
}

TEST(ExpertPlacement, RoundRobinDealsExpertsOut) {
  const auto p = ExpertPlacement::Parse("round-robin", {1, 8, 3});
  EXPECT_THAT(p->LocalExperts(0, 0), ElementsAre(0, 3, 6));
  EXPECT_THAT(p->LocalExperts(0, 2), ElementsAre(2, 5));
}

TEST(ExpertPlacement, MoreRanksThanExpertsLeavesSomeWithout) {
  for (const char* spec : {"contiguous", "round-robin", "random:1"}) {
    const auto p = ExpertPlacement::Parse(spec, {2, 4, 12});
    int with_experts = 0;
    for (int r = 0; r < 12; ++r) with_experts += p->LocalExperts(1, r).empty() ? 0 : 1;
    EXPECT_EQ(with_experts, 4) << spec;
  }
}

TEST(ExpertPlacement, RandomIsBalancedAndDependsOnSeedAndLayer) {
  const auto a = ExpertPlacement::Parse("random:1", {2, 16, 4});
  const auto again = ExpertPlacement::Parse("random:1", {2, 16, 4});
  const auto b = ExpertPlacement::Parse("random:2", {2, 16, 4});
  for (int r = 0; r < 4; ++r) {
    EXPECT_EQ(a->LocalExperts(0, r).size(), 4U);
    EXPECT_EQ(a->LocalExperts(0, r), again->LocalExperts(0, r));
  }
  EXPECT_NE(a->LocalExperts(0, 0), b->LocalExperts(0, 0));
  EXPECT_NE(a->LocalExperts(0, 0), a->LocalExperts(1, 0));
}

std::string WriteFile(const std::string& name, const std::string& text) {
  const std::string path =
      testing::TempDir() + "/placement_" + std::to_string(getpid()) + "_" + name;
  std::ofstream(path) << text;
  return path;
}

TEST(ExpertPlacement, ReadsTextAndJsonFiles) {
  const std::string text =
      WriteFile("p.textproto", "layers { experts { ranks: 1 } experts { ranks: 2 ranks: 0 } }");
  const std::string json =
      WriteFile("p.json", R"({"layers": [{"experts": [{"ranks": [1]}, {"ranks": [2, 0]}]}]})");
  for (const std::string& path : {text, json}) {
    const auto p = ExpertPlacement::Parse(path, {1, 2, 3});
    ASSERT_TRUE(p.ok()) << p.status();
    EXPECT_THAT(p->ranks(0, 0), ElementsAre(1));
    EXPECT_THAT(p->ranks(0, 1), ElementsAre(0, 2));
    EXPECT_THAT(p->LocalExperts(0, 0), ElementsAre(1));
  }
}

TEST(ExpertPlacement, SaysWhatIsWrong) {
  struct Bad {
    const char* text;
    const char* message;
  };
  for (const auto& [text, message] : {
           Bad{"layers { experts { ranks: 0 } }", "layer 0 has 1 experts, the model has 2"},
           Bad{"", "has 0 layers, the model has 1"},
           Bad{"layers { experts { ranks: 0 } experts { } }", "layer 0, expert 1: needs one"},
           Bad{"layers { experts { ranks: 0 } experts { ranks: 3 } }", "ranks from 0 to 2"},
           Bad{"layers { experts { ranks: -1 } experts { ranks: 2 } }", "layer 0, expert 0"},
           Bad{"layers { experts { ranks: [1, 1] } experts { ranks: 2 } }", "different ranks"},
           Bad{"layers: 7", "not a Placement"},
       }) {
    const std::string path = WriteFile("bad.textproto", text);
    const auto p = ExpertPlacement::Parse(path, {1, 2, 3});
    EXPECT_THAT(std::string(p.status().message()), HasSubstr(message)) << text;
    EXPECT_THAT(std::string(p.status().message()), HasSubstr(path));
  }
  EXPECT_THAT(std::string(ExpertPlacement::Parse("diagonal", {1, 2, 3}).status().message()),
              HasSubstr("neither contiguous, round-robin or random:SEED nor a file"));
  EXPECT_THAT(std::string(ExpertPlacement::Parse("random:x", {1, 2, 3}).status().message()),
              HasSubstr("seed"));
}

}  // namespace
}  // namespace octet
