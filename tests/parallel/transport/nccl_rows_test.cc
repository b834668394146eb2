// Run under mpirun by CTest: each rank runs every test, on a device of its own.

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <string>

#include "kernels/cuda/cuda_runtime.h"
#include "kernels/cuda/rows.h"
#include "tests/parallel/transport/nccl_rows_fixture.h"

namespace octet {
namespace {

using cuda_emu::DeviceArray;
using testing::AllOf;
using testing::HasSubstr;

// What one rank sends to another in a round.
std::vector<float> Values(int from, int to, int round, int64_t count) {
  std::vector<float> values(count);
  for (int64_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>((from * 31 + to * 17 + round * 7 + i * 3) % 1009);
  }
  return values;
}

class NcclRowsOnDevices : public NcclRowsTest {
 protected:
  // Exchanges as many rows between each two ranks as `rows_of` says, and expects what was sent.
  void ExpectArrive(RowTransport& rows, int round,
                    const std::function<int64_t(int, int)>& rows_of) {
    std::map<int, DeviceArray<float>> sent, received;
    std::vector<RowMessage> send, recv;
    for (int r = 0; r < comm().size(); ++r) {
      if (const int64_t count = rows_of(rank(), r); count > 0) {
        const auto values = Values(rank(), r, round, count * kCols);
        const auto& array = sent.try_emplace(r, values, stream_).first->second;
        send.push_back({r, View(array, count)});
      }
      if (const int64_t count = rows_of(r, rank()); count > 0) {
        const auto& array = received.try_emplace(r, count * kCols).first->second;
        recv.push_back({r, View(array, count)});
      }
    }
    rows.Exchange(send, recv);
    comm().Wait(rows.pending(), Traffic::kDispatch, {"rows"});
    for (const auto& [from, array] : received) {
      EXPECT_EQ(array.Read(stream_), Values(from, rank(), round, rows_of(from, rank()) * kCols))
          << "from rank " << from << ", round " << round;
    }
  }
};

TEST_F(NcclRowsOnDevices, UnevenCountsArrive) {
  const auto rows = Make();
  for (int round = 0; round < 4; ++round) {
    for (const int64_t scale : {1, 7, 300}) {
      ExpectArrive(*rows, round,
                   [&](int from, int to) { return (from * 3 + to * 5 + round) % 4 * scale; });
    }
  }
  ExpectArrive(*rows, 0, [](int, int) { return 0; });
  ExpectArrive(*rows, 1, [](int from, int to) { return from == to ? 5 : 0; });
  ExpectArrive(*rows, 2, [](int from, int to) { return from == 0 && to > 0 ? 3 : 0; });
}

TEST_F(NcclRowsOnDevices, AnyCountsArrive) {
  const auto rows = Make();
  std::mt19937 random(7);  // the same on all ranks
  for (int round = 0; round < 200; ++round) {
    std::map<std::pair<int, int>, int64_t> counts;
    for (int from = 0; from < comm().size(); ++from) {
      for (int to = 0; to < comm().size(); ++to) {
        counts[{from, to}] = random() % 3 == 0 ? 0 : static_cast<int64_t>(random() % 20);
      }
    }
    ExpectArrive(*rows, round, [&](int from, int to) { return counts[{from, to}]; });
  }
}

// Each rank adds, again and again, what the one before it has to what it has itself.
class NcclRingTest : public NcclRowsTest {
 protected:
  static constexpr int64_t kRows = 3;
  static constexpr int64_t kCount = kRows * kCols;

  static std::vector<float> First(int rank) { return Values(rank, 0, 0, kCount); }

  // On the host.
  static std::vector<float> After(int rounds) {
    std::vector<std::vector<float>> x(comm().size());
    for (int r = 0; r < comm().size(); ++r) x[r] = First(r);
    for (int round = 0; round < rounds; ++round) {
      const auto before = x;
      for (int r = 0; r < comm().size(); ++r) {
        const auto& y = before[(r + comm().size() - 1) % comm().size()];
        for (int64_t i = 0; i < kCount; ++i) x[r][i] += y[i];
      }
    }
    return x[rank()];
  }

  // Puts a round on the stream.
  void Add(RowTransport& rows) const {
    const size_t bytes = kCount * sizeof(float);
    EXPECT_EQ(cudaMemcpyAsync(copy_.data(), x_.data(), bytes, cudaMemcpyDeviceToDevice, stream_),
              cudaSuccess);
    rows.Exchange({{{next(), View(copy_, kRows)}}}, {{{previous(), View(y_, kRows)}}});
    EXPECT_EQ(cuda::Add(View(y_, kRows), View(x_, kRows), stream_), cudaSuccess);
  }

  const DeviceArray<float> x_{First(rank()), stream_};
  const DeviceArray<float> copy_{kCount};
  const DeviceArray<float> y_{kCount};
};

TEST_F(NcclRingTest, ExchangesAreInOrderWithKernelsAndCopies) {
  constexpr int kRounds = 12;  // floats are exact
  const auto rows = Make();
  for (int i = 0; i < kRounds; ++i) Add(*rows);
  comm().Wait(rows->pending(), Traffic::kDispatch, {"rows"});
  EXPECT_EQ(x_.Read(stream_), After(kRounds));
}

TEST_F(NcclRingTest, AGraphExchangesAtEachLaunch) {
  const auto rows = Make();
  Add(*rows);
  EXPECT_EQ(stream_.Wait(), cudaSuccess);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), cudaSuccess);
  Add(*rows);
  Add(*rows);
  ASSERT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  EXPECT_EQ(x_.Read(stream_), After(1));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(cudaGraphLaunch(executable, stream_), cudaSuccess);
  Add(*rows);
  EXPECT_EQ(cudaGraphLaunch(executable, stream_), cudaSuccess);
  comm().Wait(rows->pending(), Traffic::kDispatch, {"rows"});
  EXPECT_EQ(x_.Read(stream_), After(10));
  EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
}

// The ends of earlier ones do not disturb it.
TEST_F(NcclRingTest, ConnectionsFollowEachOther) {
  for (int i = 0; i < 3; ++i) {
    const auto rows = Make();
    Add(*rows);
  }
  EXPECT_EQ(x_.Read(stream_), After(3));
}

TEST_F(NcclRowsTest, MessagesAreCountedByWhoSendsThem) {
  const int64_t bytes = comm().bytes_sent(Traffic::kCombine);
  const int64_t messages = comm().messages_sent(Traffic::kCombine);
  comm().CountSent(Traffic::kCombine, 2, 1000);
  EXPECT_EQ(comm().bytes_sent(Traffic::kCombine) - bytes, 1000);
  EXPECT_EQ(comm().messages_sent(Traffic::kCombine) - messages, 2);
}

TEST_F(NcclRowsTest, RefusesTwoRanksOnADevice) {
  const int last = comm().size() - 1;
  const auto rows =
      Make(rank() == last ? "0000:77:00.0" : "0000:7" + std::to_string(rank()) + ":00.0");
  EXPECT_TRUE(rows.ok()) << rows.status();
  if (comm().size() == 1) return;
  const auto refused =
      Make(rank() == last ? "0000:70:00.0" : "0000:7" + std::to_string(rank()) + ":00.0");
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()),
              AllOf(HasSubstr("ranks 0 and " + std::to_string(last) + " on " + comm().hosts()[0] +
                              " have the same CUDA device, 0000:70:00.0"),
                    HasSubstr("start fewer ranks on each host, or use --row-transport mpi")));
}

// In a job of its own, with a fault that it does not live to see the end of.
class NcclHangTest : public NcclRingTest {};

TEST_F(NcclHangTest, EndsTheJob) {
  {
    const auto rows = Make(bus_id, std::chrono::seconds(1));
    ASSERT_TRUE(rows.ok()) << rows.status();
    comm().set_timeout(std::chrono::seconds(2));
    const Activity::Scope place({"rows"});
    for (int i = 0; i < 10; ++i) {
      Add(**rows);
      comm().Wait((*rows)->pending(), Traffic::kDispatch, {"wait for rows"});
    }
  }
  FAIL() << "nothing hangs";
}

// The device of this rank, on which it then is; empty: too few.
std::string UseDevice(Communicator& comm) {
  const auto devices = FindCudaDevices();
  if (!devices.ok() || std::ssize(*devices) < comm.size()) return "";
  EXPECT_EQ(cudaSetDevice(comm.rank()), cudaSuccess);
  return (*devices)[comm.rank()].bus_id;
}

int Run(World& world, bool waits_forever) {
  NcclRowsTest::world = &world;
  NcclRowsTest::bus_id = UseDevice(world.communicator());
  if (NcclRowsTest::bus_id.empty()) {
    std::cout << "this machine has fewer CUDA devices than ranks" << std::endl;
    return 77;
  }
  testing::GTEST_FLAG(filter) += "-NcclHangTest.*";
  if (waits_forever) testing::GTEST_FLAG(filter) = "NcclHangTest.*";
  return RUN_ALL_TESTS();
}

}  // namespace
}  // namespace octet

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  octet::World world(&argc, &argv);
  // A world of one under mpirun would test nothing.
  if (argc > 1 && world.communicator().size() != std::stoi(argv[1])) return 1;
  const bool waits_forever = argc > 2 && std::string(argv[2]) == "--wait-forever";
  return octet::Run(world, waits_forever);
}
