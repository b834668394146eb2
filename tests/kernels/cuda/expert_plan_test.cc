// The plan of a rank's experts on the emulated device, beside that of the host.

#include "kernels/cuda/expert_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "parallel/dispatch/expert_plan.h"
#include "tests/kernels/cuda/arrived_case.h"

namespace octet::cuda {
namespace {

using cuda_emu::Compute;
using cuda_emu::ComputeWith;
using cuda_emu::DeviceArray;
using cuda_emu::Emulation;
using cuda_emu::ExpectExact;
using cuda_emu::TestStream;

Compute PlanOnDevice(const ArrivedCase& c) {
  return [c](const TestStream& stream) {
    const DevicePlan device(c, stream);
    EXPECT_EQ(PlanExperts(device.arrived, device.experts, device.plan, stream), cudaSuccess);
    std::vector<float> bits;
    AppendBits(device.offsets.Read(stream), bits);
    AppendBits(device.rows.Read(stream), bits);
    AppendBits(device.output_of.Read(stream), bits);
    AppendBits(device.num_tiles.Read(stream), bits);
    AppendBits(device.tiles.Read(stream), bits);
    AppendBits(device.returns.Read(stream), bits);
    return bits;
  };
}

void ExpectTiles(const std::vector<ExpertTile>& tiles, const std::vector<ExpertTile>& expected) {
  ASSERT_GE(tiles.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(tiles[i].expert, expected[i].expert) << i;
    EXPECT_EQ(tiles[i].first, expected[i].first) << i;
    EXPECT_EQ(tiles[i].end, expected[i].end) << i;
  }
}

void ExpectReturns(const std::vector<DeviceReturn>& returns, const std::vector<int32_t>& output_of,
                   const std::vector<DevicePair>& pairs, const RowSums& expected) {
  ASSERT_EQ(std::ssize(returns), expected.num_sums());
  for (size_t i = 0; i < returns.size(); ++i) {
    const auto& [first, num_pairs, result] = returns[i];
    EXPECT_EQ(result, expected.results[i]) << i;
    ASSERT_EQ(num_pairs, expected.offsets[i + 1] - expected.offsets[i]) << i;
    for (int32_t j = 0; j < num_pairs; ++j) {
      EXPECT_EQ(output_of[first + j], expected.rows[expected.offsets[i] + j]) << i;
      EXPECT_EQ(pairs[first + j].weight, expected.weights[expected.offsets[i] + j]) << i;
    }
  }
}

void ExpectHostPlan(const ArrivedCase& c, std::span<const float> bits) {
  const ExpertPlan plan = c.HostPlan();
  const MessageSize sum = c.Starts().back();
  EXPECT_EQ(TakeBits<int32_t>(std::ssize(plan.offsets), bits), plan.offsets);
  EXPECT_EQ(TakeBits<int32_t>(sum.pairs, bits), plan.rows);
  const auto output_of = TakeBits<int32_t>(c.BlockBases().back().pairs, bits);
  const std::vector<ExpertTile> tiles = DivideIntoTiles(plan.offsets, c.tile_rows);
  ASSERT_EQ(TakeBits<int32_t>(1, bits)[0], std::ssize(tiles));
  const auto num_local = std::ssize(c.local_experts);
  ExpectTiles(TakeBits<ExpertTile>(MostTiles(sum.pairs, num_local, c.tile_rows), bits), tiles);
  ExpectReturns(TakeBits<DeviceReturn>(sum.returns, bits), output_of, c.PairsInBlocks(),
                plan.returns);
  EXPECT_TRUE(bits.empty());
}

// So many homes, some of them with fewer tokens, whose experts lie on as many ranks.
std::vector<HomeCase> Homes(int ranks, int64_t num_tokens, int topk) {
  const int experts = std::max({8, topk + 1, ranks});
  std::vector<HomeCase> homes;
  for (int h = 0; h < ranks; ++h) {
    const int64_t tokens = h % 3 == 1 ? num_tokens / 4 : num_tokens;
    homes.push_back({ranks, experts, EvenOwners(ranks, experts, h % 2),
                     DrawRouting(tokens, experts, topk, static_cast<uint32_t>(h + topk))});
  }
  return homes;
}

void ExpectHostExpertPlan(int ranks, int64_t num_tokens, int topk, int rank) {
  SCOPED_TRACE(testing::Message() << ranks << ", " << num_tokens << ", " << topk);
  const std::vector<HomeCase> homes = Homes(ranks, num_tokens, topk);
  for (const Bases kind : {Bases::kExact, Bases::kCapacity}) {
    const ArrivedCase c(homes, rank, kind);
    ExpectHostPlan(c, ComputeWith(num_tokens + 1, PlanOnDevice(c)));
    EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
  }
}

TEST(CudaExpertPlan, IsThatOfTheHost) {
  for (const int ranks : {1, 2, 3, 8}) {
    if (kSanitized && ranks != 3) continue;
    for (const int64_t num_tokens : {0, 1, 5, 100}) {
      for (const int topk : {1, 2, 8}) ExpectHostExpertPlan(ranks, num_tokens, topk, ranks / 2);
    }
  }
  for (const int ranks : {1, 3}) ExpectHostExpertPlan(ranks, 700, 8, 0);
}

TEST(CudaExpertPlan, OfManyHomesIsThatOfTheHost) {
  for (const auto& [num_tokens, topk] : {std::pair(0, 2), {1, 8}, {5, 1}, {100, 2}}) {
    if (!kSanitized || num_tokens == 5) ExpectHostExpertPlan(64, num_tokens, topk, 1);
  }
  ExpectHostExpertPlan(256, 3, 4, 0);
}

TEST(CudaExpertPlan, ARankWithoutExpertsHasNothing) {
  std::vector<HomeCase> homes = Homes(3, 20, 2);
  for (HomeCase& home : homes) home.owner_of.assign(home.experts, 1);
  for (const Bases kind : {Bases::kExact, Bases::kCapacity}) {
    for (const int rank : {0, 1, 2}) {  // all experts are on rank 1
      const ArrivedCase c(homes, rank, kind);
      ExpectHostPlan(c, ComputeWith(1, PlanOnDevice(c)));
      EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
    }
  }
}

TEST(CudaExpertPlan, TilesHaveTheAskedRows) {
  ArrivedCase c(Homes(2, 90, 3), 0, Bases::kExact);
  for (const int64_t rows : {1, 16, 64, 128}) {
    c.tile_rows = rows;
    ExpectHostPlan(c, ComputeWith(1, PlanOnDevice(c)));
  }
  Emulation::Device().Reset({});
  const TestStream stream;
  c.tile_rows = 1;
  DevicePlan device(c, stream);
  device.plan.tile_rows = 0;
  EXPECT_EQ(PlanExperts(device.arrived, device.experts, device.plan, stream),
            cudaErrorInvalidValue);
}

TEST(CudaExpertPlan, IsTheSameInAnyOrder) {
  for (const Bases kind : {Bases::kExact, Bases::kCapacity}) {
    const ArrivedCase c(Homes(3, 80, 2), 1, kind);
    ExpectHostPlan(c, ExpectAnyOrder(PlanOnDevice(c)));
  }
}

// No plan can be made of it: only a mistake of this program sends it.
TEST(CudaExpertPlan, APairOfAnotherRanksExpertIsAFault) {
  ArrivedCase c(Homes(3, 20, 2), 1, Bases::kExact);
  const std::vector<int32_t> local_of = c.LocalOf();
  c.pairs[0][3].expert = static_cast<int32_t>(std::ranges::find(local_of, -1) - local_of.begin());
  Emulation::Device().Reset({});
  const TestStream stream;
  const DevicePlan device(c, stream);
  EXPECT_EQ(PlanExperts(device.arrived, device.experts, device.plan, stream), cudaSuccess);
  EXPECT_EQ(stream.Wait(), cudaErrorLaunchFailure);
  EXPECT_THAT(Emulation::Device().faults(), testing::ElementsAre(testing::HasSubstr("a trap")));
  Emulation::Device().Reset({});
}

TEST(CudaExpertPlan, CountsAreAddedToThoseOfTheExperts) {
  const ArrivedCase c(Homes(3, 50, 2), 1, Bases::kExact);
  const auto count_twice = [&](const TestStream& stream) {
    const DevicePlan device(c, stream);
    std::vector<int64_t> before(c.experts);
    for (int e = 0; e < c.experts; ++e) before[e] = (int64_t{1} << 40) + e;
    const DeviceArray<int64_t> pairs_of(before, stream);
    const DeviceArray<int32_t> offsets(c.HostPlan().offsets, stream);
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(CountPairs(device.experts, c.experts, offsets.data(), pairs_of.data(), stream),
                cudaSuccess);
    }
    std::vector<float> bits;
    AppendBits(pairs_of.Read(stream), bits);
    return bits;
  };
  const std::vector<float> bits = ExpectExact(count_twice, 0);
  std::span<const float> left = bits;
  std::vector<int64_t> expected(c.experts);
  for (int e = 0; e < c.experts; ++e) expected[e] = (int64_t{1} << 40) + e;
  for (const std::vector<RoutedPair>& pairs : c.pairs) {
    for (const RoutedPair& pair : pairs) expected[pair.expert] += 2;
  }
  EXPECT_EQ(TakeBits<int64_t>(c.experts, left), expected);
}

}  // namespace
}  // namespace octet::cuda
