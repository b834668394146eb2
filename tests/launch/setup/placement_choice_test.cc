#include "launch/setup/placement_choice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "launch/setup/expert_counts_file.h"
#include "tests/support/oracle.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PlacementChoiceTest : public testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) const {
    WriteFile(directory_ + "/" + name, text);
    return directory_ + "/" + name;
  }

  absl::StatusOr<ExpertPlacement> Make(const PlacementChoice& choice, int num_experts = 4) {
    return MakePlacement(files_, choice,
                         {.num_layers = 2, .num_experts = num_experts, .num_ranks = 2});
  }

  std::string Refused(const PlacementChoice& choice, int num_experts = 4) {
    const absl::StatusOr<ExpertPlacement> placement = Make(choice, num_experts);
    EXPECT_FALSE(placement.ok());
    return std::string(placement.status().message());
  }

  const std::string directory_ = TestDirectory();
  const std::string counts_ = Write("counts.json", "[[1, 2, 9, 3], [8, 7, 1, 1], [5, 5, 5, 5]]");
  PosixFileSystem files_;
};

TEST_F(PlacementChoiceTest, PlacesByLoads) {
  const auto partition = Make({.placement = kPartition, .expert_counts = counts_});
  ASSERT_TRUE(partition.ok()) << partition.status();
  EXPECT_EQ(partition->ranks(0, 0)[0], partition->ranks(0, 2)[0]);  // 1 + 9, 2 + 3
  EXPECT_NE(partition->ranks(1, 0)[0], partition->ranks(1, 1)[0]);  // 8 + 1, 7 + 1
  const auto eplb = Make({.placement = kEplb, .replicas = 2, .expert_counts = counts_});
  ASSERT_TRUE(eplb.ok()) << eplb.status();
  EXPECT_THAT(eplb->ranks(0, 2), ElementsAre(0, 1));
  EXPECT_THAT(eplb->ranks(1, 0), ElementsAre(0, 1));
}

TEST_F(PlacementChoiceTest, AddsReplicasToAnyPlacement) {
  const auto p = Make({.placement = "contiguous", .replicas = 1, .expert_counts = counts_});
  ASSERT_TRUE(p.ok()) << p.status();
  EXPECT_THAT(p->ranks(0, 2), ElementsAre(0, 1));
  EXPECT_THAT(p->ranks(0, 0), ElementsAre(0));
  EXPECT_THAT(p->ranks(1, 0), ElementsAre(0, 1));
  EXPECT_TRUE(Make({.placement = "round-robin", .replicas = 3}).ok());  // all experts alike
}

TEST_F(PlacementChoiceTest, RefusesWhatHasNoEffectOrCannotBeDone) {
  EXPECT_THAT(Refused({.placement = "by-memory"}), HasSubstr("needs the hosts of a job"));
  EXPECT_THAT(Refused({.expert_counts = counts_}), HasSubstr("--expert-counts has no effect"));
  EXPECT_THAT(Refused({.placement = kPartition}, 16), HasSubstr("eplb takes any number"));
  EXPECT_THAT(Refused({.placement = "best"}), HasSubstr("eplb or partition nor a file"));
}

TEST_F(PlacementChoiceTest, ReadsCountsOfEveryForm) {
  for (const char* text : {R"([[1, 2], [3, 4]])", R"({"expert_popularity": [[1, 2], [3, 4]]})",
                           R"({"expert_load": [{"tokens": [1, 2]}, {"tokens": [3, 4]}]})"}) {
    const auto counts = ReadExpertCounts(files_, "--f", Write("c.json", text), 2, 2);
    ASSERT_TRUE(counts.ok()) << counts.status();
    EXPECT_THAT(*counts, ElementsAre(ElementsAre(1, 2), ElementsAre(3, 4)));
  }
}

TEST_F(PlacementChoiceTest, SaysWhereCountsAreWrong) {
  const auto refused = [&](const std::string& text) {
    const auto counts = ReadExpertCounts(files_, "--f", Write("c.json", text), 2, 2);
    EXPECT_FALSE(counts.ok()) << text;
    return std::string(counts.status().message());
  };
  EXPECT_THAT(refused("[[1, 2]]"), HasSubstr("c.json: has 1 layers, the model has 2"));
  EXPECT_THAT(refused("[[1, 2], [1]]"), HasSubstr("layer 1 must be a list of the tokens of 2"));
  EXPECT_THAT(refused("[[1, 2], [1, -1]]"), HasSubstr("whole numbers from 0, not -1"));
  EXPECT_THAT(refused("[[1, 2], [1, 1e300]]"), HasSubstr("whole numbers from 0"));
  EXPECT_THAT(refused("{}"), HasSubstr("expert_popularity"));
  EXPECT_THAT(refused("[[1, 2"), HasSubstr("--f "));
  const auto missing = ReadExpertCounts(files_, "--f", directory_ + "/none.json", 2, 2);
  EXPECT_THAT(std::string(missing.status().message()), HasSubstr("--f "));
}

TEST_F(PlacementChoiceTest, ReadsMeasuredCountsOfMixtral) {
  const auto directory = OraclePath("mixtral_load");
  OCTET_SKIP_WITHOUT_ORACLE(directory, "the expert counts that fiddler measured");
  const auto counts = ReadExpertCounts(
      files_, "--f", *directory + "/expert_popularity_machine_learning.json", 32, 8);
  ASSERT_TRUE(counts.ok()) << counts.status();
  EXPECT_EQ((*counts)[1][3], 350);
}

}  // namespace
}  // namespace octet
