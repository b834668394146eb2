#include "runtime/engine/home_affinity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/memory_file_system.h"
#include "tests/support/tiny_trace.h"

namespace octet {

void PrintTo(const HomeScore& score, std::ostream* out) {
  *out << score.on_rank << " on the rank, " << score.on_host << " on the host";
}

namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Line 1 has one token: experts 0 and 1 of layer 0, 2 and 3 of layer 1.
std::shared_ptr<const LineSignatures> OneToken() {
  MemoryFileSystem files;
  WriteTinyTrace(files, "t.zst", {TinyStep(0, {{}})});
  return std::make_shared<LineSignatures>(LineSignatures::Read(files, "t.zst").value());
}

ExpertPlacement Place(int num_ranks, std::vector<std::vector<int32_t>> ranks) {
  return ExpertPlacement::FromRanks({2, 4, num_ranks}, std::move(ranks));
}

std::vector<HomeScore> ScoresOf(int64_t line, const ExpertPlacement& placement,
                                const std::vector<std::string>& hosts) {
  std::vector<HomeScore> scores = {{7, 7}};
  HomeAffinity(OneToken(), placement, hosts).Score(line, scores);
  return scores;
}

TEST(HomeAffinity, CountsExpertsOnTheRankAndOnItsHost) {
  const ExpertPlacement placement = Place(4, {{0}, {1}, {2}, {3}, {0}, {1}, {0}, {3}});
  EXPECT_THAT(ScoresOf(1, placement, {"a", "a", "b", "b"}),
              ElementsAre(HomeScore{2, 3}, HomeScore{1, 3}, HomeScore{0, 1}, HomeScore{1, 1}));
}

TEST(HomeAffinity, AReplicaCountsOnEachOfItsRanksAndOnceOnAHost) {
  const ExpertPlacement placement = Place(2, {{0, 1}, {1}, {0}, {0}, {0}, {0}, {1}, {0, 1}});
  EXPECT_THAT(ScoresOf(1, placement, {"a", "a"}), ElementsAre(HomeScore{2, 4}, HomeScore{4, 4}));
}

// Each group has all experts; ranks of another group are not asked, even on the same host.
TEST(HomeAffinity, GroupsCountForThemselves) {
  const ExpertPlacement placement = Place(2, {{0}, {0}, {1}, {1}, {0}, {0}, {0}, {1}});
  EXPECT_THAT(ScoresOf(1, placement, {"a", "b", "b", "b"}),
              ElementsAre(HomeScore{3, 3}, HomeScore{1, 1}, HomeScore{3, 4}, HomeScore{1, 4}));
}

TEST(HomeAffinity, ALineThatTheTraceLacksHasNone) {
  EXPECT_THAT(ScoresOf(2, Place(1, {{0}, {0}, {0}, {0}, {0}, {0}, {0}, {0}}), {"a"}), IsEmpty());
}

}  // namespace
}  // namespace octet
