#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <barrier>
#include <csignal>

#include "kernels/cpu/make_cpu_backend.h"
#include "parallel/dispatch/host_dispatcher.h"
#include "parallel/transport/host_group.h"
#include "tests/parallel/dispatch/scaling_experts.h"
#include "tests/support/local_ranks.h"

namespace octet {
namespace {

class DispatcherTest : public testing::TestWithParam<ExchangeShape> {};

TEST_P(DispatcherTest, EveryTokenGetsItsExperts) {
  const ExchangeShape& shape = GetParam();
  const ExpertPlacement placement = shape.MakePlacement();
  RunLocalRanks(HostsInTurn(shape.ranks, shape.hosts), [&](Communicator& comm) {
    ScalingRank rank(comm, placement, shape.Limits(), shape.policy);
    for (uint32_t layer = 0; layer < 5; ++layer) {
      rank.ExpectRightLayer(shape.RandomRouting(7 + layer)[comm.rank()], 100 * layer);
    }
  });
}

std::vector<ExchangeShape> Shapes() {
  std::vector<ExchangeShape> shapes;
  for (const int ranks : {1, 2, 3, 4, 5, 7, 8, 12}) {
    for (const char* placement : {"contiguous", "round-robin", "random:5", "replicas"}) {
      for (const int topk : {1, 2, 3}) {
        constexpr DType kRowTypes[] = {DType::kF32, DType::kBF16, DType::kInt8Blocks};
        const DType dtype = kRowTypes[topk - 1];
        const int hosts[] = {1, std::min(2, ranks), std::min(3, ranks), ranks};
        shapes.push_back({ranks, 8, topk, placement, dtype, hosts[shapes.size() / 3 % 4]});
        shapes.back().policy = kReplicaPolicies[shapes.size() % kReplicaPolicies.size()].second;
      }
    }
  }
  return shapes;
}

INSTANTIATE_TEST_SUITE_P(Products, DispatcherTest, testing::ValuesIn(Shapes()));

// Ranks that run ahead write over nothing that another one still reads.
TEST(Dispatcher, RowsStayWhereTheyLieUntilTheyAreRead) {
  const ExchangeShape shape = {
      .ranks = 5, .experts = 8, .topk = 2, .placement = "replicas", .dtype = DType::kF32};
  const ExpertPlacement placement = shape.MakePlacement();
  RunLocalRanks({"a", "a", "b", "a", "b"}, [&](Communicator& comm) {
    ScalingRank rank(comm, placement, shape.Limits());
    for (uint32_t layer = 0; layer < 100; ++layer) {
      rank.ExpectRightLayer(shape.RandomRouting(1000 + layer)[comm.rank()], 10 * layer);
    }
  });
}

// All tokens of 12 ranks go to one, which has room for those of four at a time.
TEST(Dispatcher, TokensComeInRoundsWhereThereAreMoreThanRoom) {
  const ExchangeShape shape = {.ranks = 12,
                               .experts = 12,
                               .topk = 2,
                               .placement = "contiguous",
                               .dtype = DType::kBF16,
                               .max_tokens = 8};
  const ExpertPlacement placement = shape.MakePlacement();
  Routing routing = {.num_tokens = 8, .topk = 2};
  for (int64_t t = 0; t < routing.num_tokens; ++t) {
    routing.topk_idx.insert(routing.topk_idx.end(), {7, static_cast<int32_t>(t % 7)});
    routing.topk_weights.insert(routing.topk_weights.end(), {0.75F, 0.25F});
  }
  for (const int hosts : {1, 2, 3, 12}) {
    RunLocalRanks(HostsInTurn(shape.ranks, hosts), [&](Communicator& comm) {
      ScalingRank rank(comm, placement, shape.Limits());
      for (uint32_t layer = 0; layer < 5; ++layer) {
        rank.ExpectRightLayer(routing, layer);
        if (comm.rank() == 7) {
          EXPECT_GE(rank.parts(), 2);
        }
      }
    });
  }
}

class NoFiles {
 public:
  // Files may have no bytes, those in memory included.
  NoFiles() {
    handler_ = std::signal(SIGXFSZ, SIG_IGN);  // an error is enough
    EXPECT_EQ(getrlimit(RLIMIT_FSIZE, &before_), 0);
    const rlimit none = {.rlim_cur = 0, .rlim_max = before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  }
  NoFiles(const NoFiles&) = delete;
  NoFiles& operator=(const NoFiles&) = delete;
  ~NoFiles() {
    EXPECT_EQ(setrlimit(RLIMIT_FSIZE, &before_), 0);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_ = {};
  void (*handler_)(int) = nullptr;
};

TEST(Dispatcher, SendsMessagesWhereMemoryCannotBeShared) {
  const ExchangeShape shape = {
      .ranks = 3, .experts = 8, .topk = 2, .placement = "random:3", .dtype = DType::kBF16};
  const ExpertPlacement placement = shape.MakePlacement();
  const std::vector<Routing> routing = shape.RandomRouting(7);
  std::optional<NoFiles> no_files;
  std::barrier all_ranks(shape.ranks);
  RunLocalRanks(shape.ranks, [&](Communicator& comm) {
    all_ranks.arrive_and_wait();
    if (comm.rank() == 0) no_files.emplace();
    all_ranks.arrive_and_wait();
    EXPECT_FALSE(MapHostMemory(comm, FindHostGroup(comm), 1).ok());
    ScalingRank rank(comm, placement, shape.Limits());
    all_ranks.arrive_and_wait();
    if (comm.rank() == 0) no_files.reset();
    EXPECT_FALSE(rank.dispatcher().shared_memory().ok());
    rank.ExpectRightLayer(routing[comm.rank()], 100);
  });
}

// A process without another descriptor can't make shared memory.
TEST(Dispatcher, SaysThatSharedMemoryWasRefused) {
  const auto shared_memory_of_rank_1 = [] {
    absl::Status status;
    RunLocalRanks(2, [&](Communicator& comm) {
      const ExpertPlacement placement = *ExpertPlacement::Parse("contiguous", {1, 4, 2});
      ScalingRank rank(comm, placement, {.max_tokens = 4, .hidden_size = 8, .topk = 2});
      if (comm.rank() == 1) status = rank.dispatcher().shared_memory();
    });
    return status;
  };
  EXPECT_TRUE(shared_memory_of_rank_1().ok());
  const NoFiles no_files;
  EXPECT_THAT(std::string(shared_memory_of_rank_1().message()),
              testing::ContainsRegex("rank 0 on .*: can't make [0-9]+ bytes of shared memory"));
}

}  // namespace
}  // namespace octet
