#include "parallel/dispatch/dispatcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <atomic>
#include <barrier>
#include <csignal>
#include <random>
#include <set>

#include "kernels/cpu/make_cpu_backend.h"
#include "tests/support/local_ranks.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

constexpr int kHidden = 24;

struct Case {
  int ranks;
  int experts;
  int topk;
  const char* placement;
  DType dtype;
  int hosts = 1;
};

DispatchLimits Limits(const Case& c) {
  return {.max_tokens = 32, .hidden_size = kHidden, .topk = c.topk, .dtype = c.dtype};
}

// Different experts for each slot, uneven loads, and some ranks without tokens.
std::vector<Routing> RandomRouting(const Case& c, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<Routing> routing(c.ranks);
  for (int rank = 0; rank < c.ranks; ++rank) {
    Routing& r = routing[rank];
    r.num_tokens = rank % 3 == 1 ? 0 : 5 + static_cast<int>(random() % 20);
    r.topk = c.topk;
    for (int64_t t = 0; t < r.num_tokens; ++t) {
      std::set<int> chosen;
      while (std::ssize(chosen) < c.topk) {
        chosen.insert(static_cast<int>(std::min(random() % c.experts, random() % c.experts)));
      }
      for (const int expert : chosen) {
        r.topk_idx.push_back(expert);
        r.topk_weights.push_back(static_cast<float>(random() % 1000) / 1000);
      }
    }
  }
  return routing;
}

ExpertPlacement MakePlacement(const Case& c) {
  if (std::string(c.placement) != "replicas") {
    return *ExpertPlacement::Parse(c.placement, {1, c.experts, c.ranks});
  }
  Placement proto;
  LayerPlacement* layer = proto.add_layers();
  for (int e = 0; e < c.experts; ++e) {
    ExpertRanks* ranks = layer->add_experts();
    ranks->add_ranks(e % c.ranks);
    if (e % 2 == 0 && c.ranks > 1) ranks->add_ranks((e + 1) % c.ranks);
  }
  return *ExpertPlacement::FromProto(proto, {1, c.experts, c.ranks});
}

// An "expert" that scales its row, so that the answer shows which expert saw which row.
float Scale(int expert) { return 1.0F + static_cast<float>(expert); }

Matrix FakeExperts(Workspace& workspace, ConstMatrix rows, const DispatchPlan& plan) {
  const Matrix out = workspace.Alloc(std::ssize(plan.expert_rows), kHidden);
  for (int e = 0; e < std::ssize(plan.local_experts); ++e) {
    for (int i = plan.expert_offsets[e]; i < plan.expert_offsets[e + 1]; ++i) {
      for (int h = 0; h < kHidden; ++h) {
        const std::byte* x = rows.row(plan.expert_rows[i]) + h * SizeOf(rows.dtype);
        const float value = rows.dtype == DType::kF32 ? *reinterpret_cast<const float*>(x)
                                                      : ToFloat(*reinterpret_cast<const BF16*>(x));
        out.f32(i)[h] = value * Scale(plan.local_experts[e]);
      }
    }
  }
  return out;
}

// What one rank computes alone, in the order of the definition.
OwnedMatrix Expected(const OwnedMatrix& x, const Routing& r, DType dtype) {
  OwnedMatrix y(r.num_tokens, kHidden);
  for (int64_t t = 0; t < r.num_tokens; ++t) {
    for (int h = 0; h < kHidden; ++h) {
      const float value = dtype == DType::kBF16 ? ToFloat(ToBF16(x.at(t, h))) : x.at(t, h);
      float sum = 0;
      for (int slot = 0; slot < r.topk; ++slot) {
        const int64_t i = t * r.topk + slot;
        const float product = r.topk_weights[i] * (value * Scale(r.topk_idx[i]));
        sum = slot == 0 ? product : sum + product;
      }
      y.set(t, h, sum);
    }
  }
  return y;
}

struct PayloadBytes {
  int64_t dispatch = 0;
  int64_t combine = 0;
};

// Bytes that must cross between ranks when no expert has replicas.
PayloadBytes ExpectedTraffic(const Case& c, const ExpertPlacement& placement,
                             const std::vector<Routing>& routing) {
  PayloadBytes bytes;
  for (int home = 0; home < c.ranks; ++home) {
    for (int64_t t = 0; t < routing[home].num_tokens; ++t) {
      std::multiset<int> owners;
      for (int slot = 0; slot < c.topk; ++slot) {
        owners.insert(placement.ranks(0, routing[home].topk_idx[t * c.topk + slot])[0]);
      }
      const std::set<int> distinct(owners.begin(), owners.end());
      for (const int owner : distinct) {
        if (owner == home) continue;
        bytes.dispatch += kHidden * static_cast<int64_t>(SizeOf(c.dtype));
        const auto slots = static_cast<int64_t>(owners.count(owner));
        bytes.combine += kHidden * 4 * (slots == c.topk ? 1 : slots);
      }
    }
  }
  return bytes;
}

// Lets other ranks run ahead.
void Dawdle() {
  thread_local std::mt19937 random(std::random_device{}());
  for (uint32_t i = random() % 50; i > 0; --i) sched_yield();
}

// One layer of one rank, with the experts above.
void ExpectRightLayer(Communicator& comm, Dispatcher& dispatcher, Workspace& workspace,
                      const Routing& mine, DType dtype, uint32_t seed) {
  const Workspace::Scope scope(workspace);
  const auto x = OwnedMatrix::Random(mine.num_tokens, kHidden, DType::kF32, seed + comm.rank());
  dispatcher.StageTokens(x.view());
  const DispatchPlan& plan = dispatcher.Plan(0, mine);
  dispatcher.StartDispatch(0, plan);
  Dawdle();
  const ConstMatrix rows = dispatcher.FinishDispatch();
  Dawdle();
  dispatcher.StartCombine(0, FakeExperts(workspace, rows, plan), plan);
  Dawdle();
  OwnedMatrix y(mine.num_tokens, kHidden);
  dispatcher.FinishCombine(plan, y.view());
  ASSERT_EQ(y.bytes(), Expected(x, mine, dtype).bytes()) << "rank " << comm.rank();
}

class DispatcherTest : public testing::TestWithParam<Case> {};

TEST_P(DispatcherTest, EveryTokenGetsItsExpertsAndNothingIsSentTwice) {
  const Case c = GetParam();
  const ExpertPlacement placement = MakePlacement(c);
  const std::vector<Routing> routing = RandomRouting(c, 7);
  std::atomic<int64_t> dispatched = 0;
  std::atomic<int64_t> combined = 0;
  RunLocalRanks(HostsInTurn(c.ranks, c.hosts), [&](Communicator& comm) {
    const auto backend = MakeCpuBackend(SupportedIsas().front(), 1);
    Workspace workspace([&](size_t bytes) { return backend->Allocate(bytes); });
    Dispatcher dispatcher(comm, placement, *backend, workspace, Limits(c));
    ExpectRightLayer(comm, dispatcher, workspace, routing[comm.rank()], c.dtype, 100);
    dispatched += comm.bytes_sent(Traffic::kDispatch);
    combined += comm.bytes_sent(Traffic::kCombine);
  });
  if (std::string(c.placement) == "replicas") return;  // the replica in use decides what is sent
  const PayloadBytes expected = ExpectedTraffic(c, placement, routing);
  EXPECT_EQ(dispatched, expected.dispatch);
  EXPECT_EQ(combined, expected.combine);
}

// Ranks that run ahead write over nothing that another one still reads.
TEST(Dispatcher, RowsStayWhereTheyLieUntilTheyAreRead) {
  const Case c = {
      .ranks = 4, .experts = 8, .topk = 2, .placement = "random:3", .dtype = DType::kF32};
  const ExpertPlacement placement = MakePlacement(c);
  RunLocalRanks({"a", "a", "b", "a"}, [&](Communicator& comm) {
    const auto backend = MakeCpuBackend(SupportedIsas().front(), 1);
    Workspace workspace([&](size_t bytes) { return backend->Allocate(bytes); });
    Dispatcher dispatcher(comm, placement, *backend, workspace, Limits(c));
    for (int round = 0; round < 50; ++round) {
      const Routing mine = RandomRouting(c, 1000 + round)[comm.rank()];
      ExpectRightLayer(comm, dispatcher, workspace, mine, c.dtype, 10 * round);
    }
  });
}

TEST(Dispatcher, SendsMessagesWhereMemoryCannotBeShared) {
  const Case c = {
      .ranks = 3, .experts = 8, .topk = 2, .placement = "random:3", .dtype = DType::kBF16};
  const ExpertPlacement placement = MakePlacement(c);
  const std::vector<Routing> routing = RandomRouting(c, 7);
  // Files may have no bytes, those in memory included.
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto limit_files = [&before](rlim_t bytes) {
    const rlimit limit = {.rlim_cur = bytes, .rlim_max = before.rlim_max};
    ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  };
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);  // an error is enough
  std::barrier all_ranks(c.ranks);
  RunLocalRanks(c.ranks, [&](Communicator& comm) {
    const auto backend = MakeCpuBackend(SupportedIsas().front(), 1);
    Workspace workspace([&](size_t bytes) { return backend->Allocate(bytes); });
    all_ranks.arrive_and_wait();
    if (comm.rank() == 0) limit_files(0);
    all_ranks.arrive_and_wait();
    EXPECT_FALSE(MapHostMemory(comm, FindHostGroup(comm), 1).ok());
    Dispatcher dispatcher(comm, placement, *backend, workspace, Limits(c));
    all_ranks.arrive_and_wait();
    if (comm.rank() == 0) limit_files(before.rlim_cur);
    ExpectRightLayer(comm, dispatcher, workspace, routing[comm.rank()], c.dtype, 100);
  });
  std::signal(SIGXFSZ, handler);
}

TEST(DispatchPlan, UsesTheReplicaOnTheTokensOwnRank) {
  Placement proto;
  LayerPlacement* layer = proto.add_layers();
  for (int e = 0; e < 2; ++e) {
    ExpertRanks* ranks = layer->add_experts();
    for (int r = 0; r < 3; ++r) ranks->add_ranks(r);
  }
  const ExpertPlacement placement = *ExpertPlacement::FromProto(proto, {1, 2, 3});
  const std::vector<Routing> routing(
      3, {.num_tokens = 1, .topk = 2, .topk_idx = {1, 0}, .topk_weights = {0.5F, 0.5F}});
  const HostGroup alone = {.ranks = {1}, .index = 0};
  DispatchPlanner planner(placement, 1, RowLayout(alone, 3, 1, 2));
  const DispatchPlan& plan = planner.Plan(0, routing);
  EXPECT_EQ(plan.send_tokens, (std::vector<std::vector<int32_t>>{{}, {0}, {}}));
  EXPECT_EQ(plan.recv_tokens, (std::vector<int64_t>{0, 1, 0}));
  EXPECT_EQ(plan.expert_tokens, (std::vector<int64_t>{3, 3}));
  EXPECT_EQ(plan.rank_tokens, (std::vector<int64_t>{2, 2, 2}));
}

std::vector<Case> Cases() {
  std::vector<Case> cases;
  for (const int ranks : {1, 2, 3, 4, 5, 7, 8, 12}) {
    for (const char* placement : {"contiguous", "round-robin", "random:5", "replicas"}) {
      for (const int topk : {1, 2, 3}) {
        const DType dtype = topk == 2 ? DType::kBF16 : DType::kF32;
        const int hosts[] = {1, std::min(2, ranks), ranks};
        cases.push_back({ranks, 8, topk, placement, dtype, hosts[cases.size() / 3 % 3]});
      }
    }
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Products, DispatcherTest, testing::ValuesIn(Cases()));

// A process without another descriptor can't make shared memory.
TEST(Dispatcher, SaysThatSharedMemoryWasRefused) {
  const auto shared_memory_of_rank_1 = [] {
    absl::Status status;
    RunLocalRanks(2, [&](Communicator& comm) {
      const auto backend = MakeCpuBackend(SupportedIsas().front(), 1);
      Workspace workspace([&](size_t bytes) { return backend->Allocate(bytes); });
      const ExpertPlacement placement = *ExpertPlacement::Parse("contiguous", {1, 4, 2});
      const Dispatcher dispatcher(comm, placement, *backend, workspace,
                                  {.max_tokens = 4, .hidden_size = kHidden, .topk = 2});
      if (comm.rank() == 1) status = dispatcher.shared_memory();
    });
    return status;
  };
  EXPECT_TRUE(shared_memory_of_rank_1().ok());
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  const absl::Status status = shared_memory_of_rank_1();
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(std::string(status.message()),
              testing::ContainsRegex("rank 0 on .*: can't make [0-9]+ bytes of shared memory"));
}

}  // namespace
}  // namespace octet
