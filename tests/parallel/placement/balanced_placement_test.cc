#include "parallel/placement/balanced_placement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

#include "parallel/placement/eplb.h"
#include "tests/support/json.h"
#include "tests/support/oracle.h"
#include "tests/support/test_files.h"

namespace octet {
namespace {

using testing::ElementsAre;

nlohmann::json ReadCases(const std::string& directory) {
  return ParseJson(ReadFile(directory + "/eplb_cases.json"));
}

TEST(Eplb, GivesWhatItsReadmeShows) {
  const auto directory = OraclePath("eplb");
  OCTET_SKIP_WITHOUT_ORACLE(directory, "EPLB against its README and vLLM's test");
  const nlohmann::json cases = ReadCases(*directory);
  const nlohmann::json& c = cases["deepseek_readme"];
  const EplbShape shape = {.num_slots = c["num_replicas"],
                           .num_ranks = c["num_gpus"],
                           .num_groups = c["num_groups"],
                           .num_nodes = c["num_nodes"]};
  const nlohmann::json& counted = cases["vllm_test_basic_rebalance"]["expected_logcnt"];
  ASSERT_EQ(c["weight"].size(), 2U);
  for (size_t layer = 0; layer < c["weight"].size(); ++layer) {
    const auto counts = c["weight"][layer].get<std::vector<int64_t>>();
    const std::vector<int> slots = EplbSlots(counts, shape);
    EXPECT_EQ(slots, c["expected_phy2log"][layer].get<std::vector<int>>());
    for (int e = 0; e < std::ssize(counts); ++e) {
      EXPECT_EQ(std::count(slots.begin(), slots.end(), e), counted[layer][e].get<int64_t>());
    }
  }
}

ExpertCounts RandomCounts(int layers, int experts, std::mt19937& random) {
  ExpertCounts counts(layers);
  for (auto& of_layer : counts) {
    for (int e = 0; e < experts; ++e) of_layer.push_back(static_cast<int64_t>(random() % 1000));
  }
  return counts;
}

int64_t NumPairs(const ExpertPlacement& placement, int rank) {
  int64_t pairs = 0;
  for (int l = 0; l < placement.num_layers(); ++l) {
    pairs += std::ssize(placement.LocalExperts(l, rank));
  }
  return pairs;
}

// The tokens of the busiest rank of a layer, where each replica gets as many as the others.
double Busiest(const ExpertPlacement& placement, int layer, const std::vector<int64_t>& counts) {
  std::vector<double> loads(placement.num_ranks());
  for (int e = 0; e < placement.num_experts(); ++e) {
    const auto ranks = placement.ranks(layer, e);
    for (const int32_t r : ranks) {
      loads[r] += static_cast<double>(counts[e]) / static_cast<double>(ranks.size());
    }
  }
  return *std::max_element(loads.begin(), loads.end());
}

TEST(PlaceByEplb, FillsRanksEvenlyWhateverTheirNumber) {
  std::mt19937 random(1);
  for (const int ranks : {1, 2, 3, 4, 5, 8, 12, 24}) {
    for (const int replicas : {0, 1, 4, 8}) {
      const PlacementShape shape = {.num_layers = 6, .num_experts = 8, .num_ranks = ranks};
      const ExpertPlacement p = PlaceByEplb(shape, RandomCounts(6, 8, random), replicas);
      const int64_t most = (6 * (8 + replicas) + ranks - 1) / ranks;
      for (int r = 0; r < ranks; ++r) EXPECT_LE(NumPairs(p, r), most) << ranks << " " << replicas;
    }
  }
}

TEST(PlaceByEplb, ReplicatesTheHottestExpert) {
  const ExpertPlacement p = PlaceByEplb({1, 3, 4}, {{10, 60, 20}}, 1);
  EXPECT_EQ(p.ranks(0, 0).size(), 1U);
  EXPECT_EQ(p.ranks(0, 1).size(), 2U);
  EXPECT_EQ(p.ranks(0, 2).size(), 1U);
}

// The best of all ways to give ranks their numbers of experts.
double LeastBusiest(const std::vector<int64_t>& counts, int ranks) {
  std::vector<int> order(counts.size());
  std::iota(order.begin(), order.end(), 0);
  const auto experts = std::ssize(counts);
  double least = 1e18;
  do {
    double busiest = 0;
    int64_t next = 0;
    for (int r = 0; r < ranks; ++r) {
      const int64_t end = next + experts / ranks + (r < experts % ranks ? 1 : 0);
      int64_t load = 0;
      for (; next < end; ++next) load += counts[order[next]];
      busiest = std::max(busiest, static_cast<double>(load));
    }
    least = std::min(least, busiest);
  } while (std::next_permutation(order.begin(), order.end()));
  return least;
}

TEST(PlaceByPartition, IsTheBestOfAllPartitions) {
  std::mt19937 random(2);
  for (const int ranks : {1, 2, 3, 4, 5, 8}) {
    const ExpertCounts counts = RandomCounts(3, 8, random);
    const ExpertPlacement p = PlaceByPartition({3, 8, ranks}, counts);
    for (int layer = 0; layer < 3; ++layer) {
      EXPECT_EQ(Busiest(p, layer, counts[layer]), LeastBusiest(counts[layer], ranks));
      EXPECT_GE(Busiest(PlaceByEplb({3, 8, ranks}, counts, 0), layer, counts[layer]),
                Busiest(p, layer, counts[layer]));
    }
  }
}

TEST(AddReplicas, HottestFirstWhereThereIsLeast) {
  const ExpertPlacement base = *ExpertPlacement::Parse("contiguous", {1, 4, 2});
  // Rank 0 has experts 0 and 1.
  const ExpertPlacement one = AddReplicas(base, {{50, 10, 30, 5}}, 1);
  EXPECT_THAT(one.ranks(0, 0), ElementsAre(0, 1));
  const ExpertPlacement two = AddReplicas(base, {{50, 10, 30, 5}}, 2);
  EXPECT_THAT(two.ranks(0, 2), ElementsAre(0, 1));
  const ExpertPlacement all = AddReplicas(base, {{50, 10, 30, 5}}, 9);
  for (int e = 0; e < 4; ++e) EXPECT_THAT(all.ranks(0, e), ElementsAre(0, 1));
}

TEST(AddReplicas, RanksHoldAsManyPairsOrOneLess) {
  std::mt19937 random(4);
  for (const int ranks : {2, 4, 8, 16}) {
    const ExpertPlacement base = *ExpertPlacement::Parse("round-robin", {4, 8, ranks});
    const ExpertPlacement p = AddReplicas(base, RandomCounts(4, 8, random), 4);
    int64_t least = 1000;
    int64_t most = 0;
    for (int r = 0; r < ranks; ++r) {
      least = std::min(least, NumPairs(p, r));
      most = std::max(most, NumPairs(p, r));
    }
    EXPECT_LE(most, least + 1) << ranks;
  }
}

}  // namespace
}  // namespace octet
