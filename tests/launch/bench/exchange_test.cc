// octet bench exchange: sizes, results and what is kept; no times.

#include "launch/bench/exchange.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "kernels/cpu/make_cpu_backend.h"
#include "launch/bench/exchange_case.h"
#include "launch/bench/exchange_times.h"
#include "launch/bench/machine_profile.h"
#include "parallel/transport/collectives.h"
#include "tests/support/local_ranks.h"
#include "tests/support/octet_process.h"
#include "tests/support/reference.h"
#include "tests/support/test_files.h"
#include "tests/support/wrong_backend.h"

namespace octet {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr char kTinyExchange[] = "bench exchange --tokens 1,20 --hidden-size 24 --threads 1 ";

ExpertPlacement Placement(const std::string& spec, const ExchangeCase& c, int num_ranks) {
  return *ExpertPlacement::Parse(
      spec, {.num_layers = 1, .num_experts = c.num_experts, .num_ranks = num_ranks});
}

TEST(ExchangeCase, RoutesToDifferentExpertsWithWeightsThatSumToOne) {
  const ExchangeCase c = {.tokens_per_rank = 400, .num_experts = 5, .topk = 3};
  const Routing routing = c.RoutingOf(2);
  std::vector<int> load(5);
  for (int64_t t = 0; t < 400; ++t) {
    float sum = 0;
    for (int64_t i = 3 * t; i < 3 * t + 3; ++i) {
      ++load[routing.topk_idx[i]];
      sum += routing.topk_weights[i];
      for (int64_t j = 3 * t; j < i; ++j) EXPECT_NE(routing.topk_idx[i], routing.topk_idx[j]);
    }
    EXPECT_NEAR(sum, 1, 1e-6);
  }
  for (const int rows : load) EXPECT_NEAR(rows, 240, 40);
  EXPECT_NE(routing.topk_idx, c.RoutingOf(1).topk_idx);
  EXPECT_EQ(routing.topk_idx, c.RoutingOf(2).topk_idx);
}

TEST(ExchangeCase, WrongSumsAreSeen) {
  const ExchangeCase c = {.tokens_per_rank = 2, .hidden_size = 3, .num_experts = 4, .topk = 2};
  const Routing routing = c.RoutingOf(1);
  OwnedMatrix y(2, 3);
  c.FillInput(1, y.view());
  EXPECT_FALSE(c.IsCombined(1, y.view())) << "what went out";
  for (int64_t t = 0; t < 2; ++t) {
    for (int64_t i = 0; i < 3; ++i) {
      const auto term = [&](int64_t slot) {
        const auto output = static_cast<float>(routing.topk_idx[slot] + 1) * y.at(t, i);
        return routing.topk_weights[slot] * output;
      };
      y.set(t, i, term(2 * t) + term(2 * t + 1));
    }
  }
  EXPECT_TRUE(c.IsCombined(1, y.view()));
  EXPECT_FALSE(c.IsCombined(0, y.view()));
  y.set(1, 2, std::nextafterf(y.at(1, 2), 1e9F));
  EXPECT_FALSE(c.IsCombined(1, y.view())) << "one bit";
}

void ExchangeLocally(Communicator& comm, std::span<const ConstBytes> send,
                     std::span<const Bytes> recv) {
  AllToAll(comm, Traffic::kControl, {"plain"}, send, recv);
}

TEST(BenchExchange, EveryPlacementDTypeAndTopK) {
  for (const int ranks : {2, 3}) {
    for (const char* placement : {"contiguous", "round-robin", "random:5"}) {
      for (const char* dtype : {"float32", "bfloat16"}) {
        for (const int topk : {1, 3}) {
          RunLocalRanks(ranks, [&](Communicator& comm) {
            const ExchangeCase c = {.tokens_per_rank = 13,
                                    .hidden_size = 20,
                                    .num_experts = 5,
                                    .topk = topk,
                                    .dtype = dtype[0] == 'f' ? DType::kF32 : DType::kBF16};
            const auto backend = MakeCpuBackend(SupportedIsas().back(), 1);
            const auto result = MeasureMoeExchange(
                comm, [&](auto send, auto recv) { ExchangeLocally(comm, send, recv); },
                Placement(placement, c, ranks), *backend, c);
            EXPECT_TRUE(result.right) << ranks << placement << dtype << topk;
          });
        }
      }
    }
  }
}

TEST(BenchExchange, WrongRowsAreSeenOnTheRankThatGetsThem) {
  RunLocalRanks(2, [&](Communicator& comm) {
    const ExchangeCase c = {.tokens_per_rank = 6, .hidden_size = 20};
    WrongBackend wrong(SupportedIsas().back(), 1);
    CpuBackend right(SupportedIsas().back(), 1);
    Backend& backend = comm.rank() == 0 ? static_cast<Backend&>(wrong) : right;
    const auto result = MeasureMoeExchange(
        comm, [&](auto send, auto recv) { ExchangeLocally(comm, send, recv); },
        Placement("contiguous", c, 2), backend, c);
    EXPECT_FALSE(result.right);  // rank 1 gets rows that rank 0 has spoiled
  });
}

TEST(BenchExchange, CountsTheBytesOfALayer) {
  // One expert on each of two ranks, both for each token: all tokens go to the other rank, and one
  // row of each comes back.
  const ExchangeBenchOptions options = {
      .tokens = {7}, .hidden_size = 16, .num_experts = 2, .topk = 2, .threads = 1};
  RunLocalRanks({"a", "b"}, [&](Communicator& comm) {
    std::ostringstream out;
    const absl::StatusOr<ExchangeProfile> profile = BenchExchange(
        comm, [&](auto send, auto recv) { ExchangeLocally(comm, send, recv); }, options, out);
    ASSERT_TRUE(profile.ok()) << profile.status();
    if (comm.rank() != 0) {
      EXPECT_EQ(out.str(), "");
      return;
    }
    EXPECT_EQ(profile->moe(0).dispatch().bytes(), 7 * 16 * 2);
    EXPECT_EQ(profile->moe(0).combine().bytes(), 7 * 16 * 4);
    EXPECT_EQ(profile->moe(0).layer().bytes(), 7 * 16 * (2 + 4));
    EXPECT_EQ(profile->hosts(1), "b");
    EXPECT_FALSE(profile->messages(0).same_host());
    EXPECT_EQ(profile->all_to_all_size(), 7);
    EXPECT_THAT(out.str(), AllOf(HasSubstr("2 ranks on 2 hosts"), HasSubstr("result right"),
                                 Not(HasSubstr("WRONG"))));
  });
}

TEST(BenchExchange, RunsOnMpiAndKeepsWhatItMeasured) {
  const std::string path = TestDirectory() + "/machine.json";
  const ProcessResult result =
      RunOctet(3, absl::StrCat(kTinyExchange, "--experts 4 --save ", path));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_THAT(result.output, AllOf(HasSubstr("result right"), Not(HasSubstr("WRONG"))));
  PosixFileSystem files;
  const absl::StatusOr<MachineProfile> profile = ReadMachineProfile(files, path);
  ASSERT_TRUE(profile.ok()) << profile.status();
  EXPECT_FALSE(profile->has_kernels());
  const ExchangeProfile& exchange = profile->exchange();
  EXPECT_EQ(exchange.ranks(), 3);
  EXPECT_EQ(exchange.hosts_size(), 3);
  EXPECT_EQ(exchange.all_to_all(6).message_bytes(), 4 << 20);
  ASSERT_EQ(exchange.moe_size(), 2);
  EXPECT_EQ(exchange.moe(1).tokens_per_rank(), 20);
  EXPECT_EQ(exchange.moe(1).experts(), 4);
}

TEST(BenchExchange, RefusesOptionsThatMakeNoSense) {
  const auto expect_refused = [&](const ExchangeBenchOptions& options, const std::string& message) {
    RunLocalRanks(2, [&](Communicator& comm) {
      std::ostringstream out;
      const absl::Status status =
          BenchExchange(
              comm, [&](auto send, auto recv) { ExchangeLocally(comm, send, recv); }, options, out)
              .status();
      EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
      EXPECT_THAT(std::string(status.message()), HasSubstr(message));
      EXPECT_EQ(out.str(), "");
    });
  };
  expect_refused({.topk = 9}, "--top-k 9: there are 8 --experts");
  expect_refused({.dtype = "int8"}, "--dtype must be float32 or bfloat16, not 'int8'");
  expect_refused({.placement = {.placement = "here"}}, "--placement 'here'");
  expect_refused({.placement = {.expert_counts = "e"}}, "--expert-counts has no effect");
}

TEST(BenchExchange, RefusesBeforeItMeasures) {
  const auto expect_refused = [&](int ranks, const std::string& flags, const std::string& message) {
    const ProcessResult result = RunOctet(ranks, kTinyExchange + flags);
    EXPECT_EQ(result.exit_code, 2) << flags;
    EXPECT_THAT(result.output, AllOf(HasSubstr(message), Not(HasSubstr("GB/s")))) << flags;
  };
  expect_refused(0, "", "nobody to exchange with");
  expect_refused(0, "--tokens 1,x", "--tokens");
  expect_refused(2, "--save /no/such/directory/machine.txt", "/no/such/directory/machine.txt");
}

}  // namespace
}  // namespace octet
