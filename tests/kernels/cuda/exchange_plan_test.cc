// The plan of a home on the emulated device, beside that of the host.

#include "kernels/cuda/exchange_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/kernels/cuda/exchange_case.h"

namespace octet::cuda {
namespace {

using cuda_emu::Compute;
using cuda_emu::ComputeWith;
using cuda_emu::DeviceArray;
using cuda_emu::Emulation;
using cuda_emu::ExpectExact;
using cuda_emu::TestStream;

// A plan, read from the device.
struct ReadSends {
  std::vector<MessageSize> sizes, bases;
  std::vector<DevicePair> pairs;
  std::vector<int32_t> send_row_of, return_of;

  ReadSends(const HomeCase& home, Bases kind, std::span<const float> bits)
      : sizes(TakeBits<MessageSize>(home.ranks, bits)),
        bases(TakeBits<MessageSize>(home.ranks + 1, bits)),
        pairs(TakeBits<DevicePair>(home.Room(kind).pairs, bits)),
        send_row_of(TakeBits<int32_t>(home.capacity() * home.topk(), bits)),
        return_of(TakeBits<int32_t>(home.capacity() * home.topk(), bits)) {
    EXPECT_TRUE(bits.empty());
  }
};

Compute PlanOnDevice(const HomeCase& home, Bases kind) {
  return [home, kind](const TestStream& stream) {
    const DeviceHome device(home, kind, stream);
    device.Plan(stream);
    std::vector<float> bits;
    AppendBits(device.sizes.Read(stream), bits);
    AppendBits(device.bases.Read(stream), bits);
    AppendBits(device.pairs.Read(stream), bits);
    AppendBits(device.send_row_of.Read(stream), bits);
    AppendBits(device.return_of.Read(stream), bits);
    return bits;
  };
}

std::vector<MessageSize> HostSizes(const HomeCase& home, const SendPlan& plan) {
  std::vector<MessageSize> sizes(home.ranks);
  for (const SendPlan::Host& host : plan.hosts) sizes[host.host].tokens = host.num_tokens;
  for (const OwnerPairs& owner : plan.owners) {
    sizes[owner.rank].pairs = owner.num_pairs;
    sizes[owner.rank].returns = owner.num_returns;
  }
  return sizes;
}

std::vector<MessageSize> HostBases(const HomeCase& home, Bases kind,
                                   const std::vector<MessageSize>& sizes) {
  std::vector<MessageSize> bases(home.ranks + 1);
  for (int r = 0; r < home.ranks; ++r) {
    const MessageSize step = kind == Bases::kExact ? sizes[r] : home.LargestSize();
    bases[r + 1] = {bases[r].tokens + step.tokens, bases[r].pairs + step.pairs,
                    bases[r].returns + step.returns};
  }
  return bases;
}

void ExpectPairs(const SendPlan& plan, const ReadSends& read) {
  for (const OwnerPairs& owner : plan.owners) {
    for (int32_t j = 0; j < owner.num_pairs; ++j) {
      const RoutedPair& expected = plan.pairs[owner.first_pair + j];
      const DevicePair& pair = read.pairs[read.bases[owner.rank].pairs + j];
      EXPECT_EQ(pair.row, expected.row);
      EXPECT_EQ(pair.expert, expected.expert);
      EXPECT_EQ(pair.weight, expected.weight);
    }
  }
}

void ExpectRows(const HomeCase& home, const SendPlan& plan, const ReadSends& read) {
  const std::vector<int32_t> owners = home.Owners();
  std::vector<int32_t> first_return(home.ranks);
  for (const OwnerPairs& owner : plan.owners) first_return[owner.rank] = owner.first_return;
  for (int64_t i = 0; i < std::ssize(owners); ++i) {
    const auto token = owners.begin() + i / home.topk() * home.topk();
    const MessageSize& base = read.bases[owners[i]];
    const bool is_first = std::find(token, owners.begin() + i, owners[i]) == owners.begin() + i;
    EXPECT_EQ(read.send_row_of[i], is_first ? base.tokens + plan.row_of[i] : -1) << i;
    const bool is_summed =
        i % home.topk() > 0 && plan.return_of[i] == plan.return_of[i - i % home.topk()];
    const int32_t number = plan.return_of[i] - first_return[owners[i]];
    EXPECT_EQ(read.return_of[i], is_summed ? -1 : base.returns + number) << i;
  }
}

void ExpectHostPlan(const HomeCase& home, Bases kind, const std::vector<float>& bits) {
  const SendPlan plan = home.HostPlan();
  const ReadSends read(home, kind, bits);
  const std::vector<MessageSize> sizes = HostSizes(home, plan);
  EXPECT_EQ(read.sizes, sizes);
  ASSERT_EQ(read.bases, HostBases(home, kind, sizes));
  ExpectPairs(plan, read);
  ExpectRows(home, plan, read);
}

HomeCase EvenHome(int ranks, int64_t num_tokens, int topk) {
  const int experts = std::max({8, topk + 1, ranks});
  return {ranks, experts, EvenOwners(ranks, experts, 1),
          DrawRouting(num_tokens, experts, topk, static_cast<uint32_t>(num_tokens + topk))};
}

void ExpectHostPlanOf(int ranks, int64_t num_tokens, int topk) {
  SCOPED_TRACE(testing::Message() << ranks << ", " << num_tokens << ", " << topk);
  const HomeCase home = EvenHome(ranks, num_tokens, topk);
  for (const Bases kind : {Bases::kExact, Bases::kCapacity}) {
    ExpectHostPlan(home, kind, ComputeWith(num_tokens + 1, PlanOnDevice(home, kind)));
    EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
  }
}

TEST(CudaExchangePlan, IsThatOfTheHost) {
  for (const int ranks : {1, 2, 3, 8}) {
    if (kSanitized && ranks != 3) continue;
    for (const int64_t num_tokens : {0, 1, 5, 100, 700}) {
      for (const int topk : {1, 2, 8}) ExpectHostPlanOf(ranks, num_tokens, topk);
    }
  }
}

TEST(CudaExchangePlan, OfManyRanksIsThatOfTheHost) {
  for (const auto& [num_tokens, topk] : {std::pair(0, 2), {1, 8}, {5, 1}, {100, 2}, {700, 8}}) {
    if (!kSanitized || num_tokens == 100) ExpectHostPlanOf(64, num_tokens, topk);
  }
  if (!kSanitized) ExpectHostPlanOf(256, 40, 4);
}

// All tokens to one rank, and ranks without experts.
TEST(CudaExchangePlan, TakesUnevenOwners) {
  for (const int64_t num_tokens : {1, 33, 300}) {
    HomeCase home = EvenHome(5, num_tokens, 2);
    home.owner_of.assign(home.experts, 3);
    ExpectHostPlan(home, Bases::kExact, ComputeWith(1, PlanOnDevice(home, Bases::kExact)));
    for (int e = 0; e < home.experts; ++e) home.owner_of[e] = e % 3 == 0 ? 4 : 1;
    ExpectHostPlan(home, Bases::kExact, ComputeWith(2, PlanOnDevice(home, Bases::kExact)));
    ExpectHostPlan(home, Bases::kCapacity, ComputeWith(3, PlanOnDevice(home, Bases::kCapacity)));
  }
}

// Each warp has more than one row of lanes.
TEST(CudaExchangePlan, TakesManyTokens) {
  const HomeCase home = EvenHome(2, 2500, 16);
  ExpectHostPlan(home, Bases::kExact, ComputeWith(1, PlanOnDevice(home, Bases::kExact)));
  EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
}

TEST(CudaExchangePlan, IsTheSameInAnyOrder) {
  const HomeCase home = EvenHome(3, 200, 2);
  for (const Bases kind : {Bases::kExact, Bases::kCapacity}) {
    ExpectHostPlan(home, kind, ExpectAnyOrder(PlanOnDevice(home, kind)));
  }
}

TEST(CudaExchangePlan, CountsMeetOnce) {
  const HomeCase home = EvenHome(3, 200, 2);
  const auto count = [&](const TestStream& stream) {
    const DeviceHome device(home, Bases::kExact, stream);
    EXPECT_EQ(CountSends(device.routing, device.sizes.data(), stream), cudaSuccess);
    std::vector<float> bits;
    AppendBits(device.sizes.Read(stream), bits);
    return bits;
  };
  const std::vector<float> bits = ExpectExact(count, 1);
  std::span<const float> left = bits;
  EXPECT_EQ(TakeBits<MessageSize>(home.ranks, left), HostSizes(home, home.HostPlan()));
}

// More messages than a warp has lanes, and none.
TEST(CudaExchangePlan, BasesOfManyMessages) {
  for (const int num_messages : {0, 1, 31, 32, 33, 256}) {
    std::vector<MessageSize> sizes(num_messages);
    for (int i = 0; i < num_messages; ++i) sizes[i] = {i % 5, 7 * i, i * i % 11};
    Emulation::Device().Reset({.seed = 2});
    const TestStream stream;
    const DeviceArray<MessageSize> in(sizes, stream), exact(num_messages + 1),
        even(num_messages + 1);
    ASSERT_EQ(ExactBases(in.data(), num_messages, exact.data(), stream), cudaSuccess);
    ASSERT_EQ(CapacityBases({3, 8, 5}, num_messages, even.data(), stream), cudaSuccess);
    const std::vector<MessageSize> exact_bases = exact.Read(stream);
    const std::vector<MessageSize> even_bases = even.Read(stream);
    MessageSize sum = {};
    for (int i = 0; i <= num_messages; ++i) {
      EXPECT_EQ(exact_bases[i], sum) << i;
      EXPECT_EQ(even_bases[i], (MessageSize{3 * i, 8 * i, 5 * i})) << i;
      if (i == num_messages) break;
      sum = {sum.tokens + sizes[i].tokens, sum.pairs + sizes[i].pairs,
             sum.returns + sizes[i].returns};
    }
    EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
  }
}

// A graph is captured once, and plans what the device holds at each launch.
TEST(CudaExchangePlan, AGraphReadsTheNumberOfTokens) {
  const HomeCase all = EvenHome(3, 60, 2);
  HomeCase few = all;
  few.routing.num_tokens = 7;
  few.routing.topk_idx.resize(14);
  few.routing.topk_weights.resize(14);
  Emulation::Device().Reset({.seed = 3});
  const TestStream stream;
  const DeviceHome device(all, Bases::kExact, stream);
  DeviceArray<int32_t> num_tokens(1);
  HomeRouting routing = device.routing;
  routing.num_tokens = num_tokens.data();
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream, cudaStreamCaptureModeGlobal), cudaSuccess);
  EXPECT_EQ(CountSends(routing, device.sizes.data(), stream), cudaSuccess);
  ASSERT_EQ(cudaStreamEndCapture(stream, &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  for (const HomeCase& home : {all, few}) {
    const DeviceArray<int32_t> count({static_cast<int32_t>(home.num_tokens())}, stream);
    count.CopyTo(num_tokens, stream);
    EXPECT_EQ(cudaGraphLaunch(executable, stream), cudaSuccess);
    EXPECT_EQ(device.sizes.Read(stream), HostSizes(home, home.HostPlan()));
  }
  EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
  EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
}

// A message can be as large as LargestMessage says, and no larger.
TEST(CudaExchangePlan, TheLargestMessageIsReached) {
  HomeCase home = EvenHome(2, 40, 3);
  for (int64_t i = 0; i < 120; ++i) {
    home.routing.topk_idx[i] = i % 3 == 2 ? home.experts - 1 : static_cast<int32_t>(i % 3);
  }
  home.owner_of.assign(home.experts, 0);
  const MessageSize largest = LargestMessage(40, 3);
  EXPECT_EQ(HostSizes(home, home.HostPlan())[0].pairs, largest.pairs);
  home.owner_of.back() = 1;
  const MessageSize size = HostSizes(home, home.HostPlan())[0];
  EXPECT_EQ(size.tokens, largest.tokens);
  EXPECT_EQ(size.returns, largest.returns);
  EXPECT_EQ(LargestMessage(40, 1), (MessageSize{40, 40, 40}));
}

}  // namespace
}  // namespace octet::cuda
