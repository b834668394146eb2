// What goes wrong in NCCL, and what its double finds wrong in how it is called.

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nccl.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>

#include "kernels/base/check.h"
#include "parallel/transport/collectives.h"
#include "tests/cuda_emu/emulation.h"
#include "tests/parallel/transport/nccl_rows_fixture.h"

namespace octet {
namespace {

using cuda_emu::DeviceArray;
using cuda_emu::Emulation;
using cuda_emu::TestStream;
using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;

// A variable of the environment, until the end of the scope.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { unsetenv(name_); }

 private:
  const char* name_;
};

Variable Fault(int rank, const std::string& rest) {
  return {"OCTET_NCCL_DOUBLE_FAULT", "rank=" + std::to_string(rank) + "," + rest};
}

// What Fatal says; empty: it was not called.
std::string FatalOf(const std::function<void()>& f) {
  SetCrashHandler([](const char* message) { throw std::runtime_error(message); });
  std::string message;
  try {
    f();
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  SetCrashHandler(nullptr);
  return message;
}

std::vector<std::string> TakeFaults() {
  const cuda_emu::RuntimeLock lock(cuda_emu::RuntimeMutex());
  std::vector<std::string> faults = Emulation::Device().faults();
  Emulation::Device().Reset({});
  return faults;
}

class NcclFaultsTest : public NcclRowsTest {
 protected:
  void TearDown() override { EXPECT_THAT(TakeFaults(), IsEmpty()); }

  static int last() { return comm().size() - 1; }
  static std::string last_rank() { return "rank " + std::to_string(last()) + " on "; }

  // All ranks get the error of the last one.
  void ExpectError(const absl::Status& status, const std::string& what) const {
    EXPECT_THAT(std::string(status.message()), HasSubstr(what));
    if (comm().size() > 1) {
      EXPECT_THAT(std::string(status.message()), HasSubstr(last_rank()));
    }
  }

  void Exchange(RowTransport& rows) const {
    rows.Exchange({{{next(), View(x_, 2)}}}, {{{previous(), View(y_, 2)}}});
  }

  const DeviceArray<float> x_{std::vector<float>(2 * kCols, 1), stream_};
  const DeviceArray<float> y_{2 * kCols};
};

TEST_F(NcclFaultsTest, VersionsMustBeEqual) {
  if (comm().size() == 1) return;  // it has none to differ from
  const Variable version("OCTET_NCCL_DOUBLE_VERSION", rank() == last() ? "22703" : "22809");
  const auto rows = Make(bus_id);
  ExpectError(rows.status(), "in its version of NCCL: NCCL 2.27.3 against NCCL 2.28.9");
}

TEST_F(NcclFaultsTest, AnErrorOfARankIsEverybodys) {
  const Variable fault = Fault(last(), "call=ncclCommInitRankConfig,count=1,effect=error");
  // The others wait for it until their time is over.
  const auto rows = Make(bus_id, std::chrono::seconds(1));
  const bool alone = comm().size() == 1;
  EXPECT_THAT(std::string(rows.status().message()),
              HasSubstr(alone ? "NCCL: ncclCommInitRankConfig: a system error (a fault on purpose)"
                              : "NCCL has not connected the ranks within 1 s"));
}

TEST_F(NcclFaultsTest, AnErrorAfterTheCallIsEverybodys) {
  const Variable fault = Fault(last(), "call=ncclCommInitRankConfig,count=2,effect=late_error");
  EXPECT_TRUE(Make(bus_id).ok());
  const auto rows = Make(bus_id, std::chrono::seconds(1));
  EXPECT_FALSE(rows.ok());
}

TEST_F(NcclFaultsTest, AHangOfARankHasADeadline) {
  const Variable fault = Fault(last(), "call=ncclCommInitRankConfig,count=1,effect=hang");
  const auto rows = Make(bus_id, std::chrono::seconds(1));
  EXPECT_EQ(rows.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(rows.status().message()),
              HasSubstr("NCCL has not connected the ranks within 1 s: see what NCCL_DEBUG=INFO"));
}

// Whose bus ids are wrong, as the ranks' own check is not deceived otherwise.
TEST_F(NcclFaultsTest, NcclRefusesTwoRanksOnADevice) {
  if (comm().size() == 1) return;
  ASSERT_EQ(cudaSetDevice(0), cudaSuccess);
  const auto rows = Make("0000:7" + std::to_string(rank()) + ":00.0");
  ASSERT_EQ(cudaSetDevice(rank()), cudaSuccess);
  EXPECT_THAT(std::string(rows.status().message()),
              AllOf(HasSubstr("rank 0 on "), HasSubstr("ncclCommInitRankConfig: invalid usage"),
                    HasSubstr("have one device")));
}

TEST_F(NcclFaultsTest, ErrorsOfExchangesEndTheJob) {
  for (const auto& [rest, what] : std::vector<std::pair<std::string, std::string>>{
           {"call=ncclGroupEnd,count=3,effect=error",
            "NCCL: ncclGroupEnd: a system error (a fault on"},
           {"call=ncclSend,count=3,effect=error", "NCCL: ncclSend: a system error (a fault on"},
           {"call=ncclGroupEnd,count=3,effect=late_error",
            "an error of another rank (a late fault"}}) {
    const auto rows = Make();
    const Variable fault = Fault(last(), rest);
    const std::string message = FatalOf([&] {
      for (int i = 0; i < 3; ++i) Exchange(*rows);
    });
    EXPECT_THAT(message, HasSubstr(rank() == last() ? what : ""));
    EXPECT_EQ(message.empty(), rank() != last());
    if (message.find("ncclSend") != std::string::npos) (void)ncclGroupEnd();  // which is left open
    AllGather(comm(), {"the others"}, "");
    rows->Abort();
    EXPECT_EQ(stream_.Wait(), cudaSuccess);  // also where a rank waits for the last one
  }
}

// Which NCCL finds while the rank waits for something else.
TEST_F(NcclFaultsTest, ALossIsFoundWhereverTheRankPolls) {
  const auto rows = Make();
  const Variable fault = Fault(last(), "call=ncclGroupEnd,count=2,effect=loss");
  Exchange(*rows);
  Exchange(*rows);
  const std::string message = FatalOf([] {
    for (int i = 0; i < 10; ++i) Activity::OfThisThread().Poll();
  });
  EXPECT_EQ(message, rank() == last() ? "NCCL: an exchange of rows: an error of another rank (a "
                                        "loss on purpose)"
                                      : "");
  AllGather(comm(), {"the others"}, "");
  rows->Abort();
  EXPECT_EQ(stream_.Wait(), cudaSuccess);
}

TEST_F(NcclFaultsTest, AbortEndsWhatNeverWould) {
  const auto rows = Make();
  const Variable fault = Fault(last(), "call=ncclGroupEnd,count=1,effect=stall");
  Exchange(*rows);
  const bool is_complete = rank() == last() && rows->pending().Poll();
  EXPECT_FALSE(is_complete);
  AllGather(comm(), {"stalled"}, "");
  rows->Abort();
  EXPECT_EQ(stream_.Wait(), cudaSuccess);
  rows->Abort();  // does nothing
}

TEST_F(NcclFaultsTest, MessagesOfOtherSizesAreNamed) {
  const auto rows = Make();
  rows->Exchange({{{next(), View(x_, 2)}}}, {{{previous(), View(y_, 1)}}});
  EXPECT_EQ(stream_.Wait(), cudaErrorLaunchFailure);
  const std::vector<std::string> faults = TakeFaults();
  ASSERT_EQ(faults.size(), 1U);
  EXPECT_EQ(faults[0], "ncclRecv of rank " + std::to_string(rank()) + " from rank " +
                           std::to_string(previous()) +
                           ", 132 of type 1: which sends 264 of type 1");
  AllGather(comm(), {"all were named"}, "");
}

// A communicator of this rank alone, called as NcclRows does not.
class NcclDoubleTest : public NcclFaultsTest {
 protected:
  NcclDoubleTest() {
    EXPECT_EQ(ncclGetUniqueId(&id_), ncclSuccess);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    EXPECT_EQ(ncclCommInitRankConfig(&nccl_, 1, id_, 0, &config), ncclInProgress);
    EXPECT_EQ(State(), ncclSuccess);
  }

  ncclResult_t State() const {
    ncclResult_t state = ncclInProgress;
    while (state == ncclInProgress) EXPECT_EQ(ncclCommGetAsyncError(nccl_, &state), ncclSuccess);
    return state;
  }

  ncclResult_t Send(const void* data, size_t count, ncclDataType_t type = ncclFloat32) const {
    return ncclSend(data, count, type, 0, nccl_, stream_);
  }
  ncclResult_t Receive(void* data, size_t count) const {
    return ncclRecv(data, count, ncclFloat32, 0, nccl_, stream_);
  }

  void ExpectFaultOnStream(const std::string& what) const {
    EXPECT_EQ(State(), ncclSuccess);
    EXPECT_EQ(stream_.Wait(), cudaErrorLaunchFailure);
    ExpectFault(what);
  }
  static void ExpectFault(const std::string& what) {
    EXPECT_THAT(TakeFaults(), testing::ElementsAre(HasSubstr(what)));
  }

  ncclUniqueId id_ = {};
  ncclComm_t nccl_ = nullptr;
};

TEST_F(NcclDoubleTest, TypesMustBeEqual) {
  EXPECT_EQ(ncclGroupStart(), ncclSuccess);
  EXPECT_EQ(Send(x_.data(), 4, ncclInt32), ncclSuccess);
  EXPECT_EQ(Receive(y_.data(), 4), ncclSuccess);
  EXPECT_EQ(ncclGroupEnd(), ncclInProgress);
  ExpectFaultOnStream("ncclRecv of rank 0 from rank 0, 4 of type 7: which sends 4 of type 2");
  EXPECT_EQ(ncclCommDestroy(nccl_), ncclSuccess);
}

TEST_F(NcclDoubleTest, MemoryIsThatOfTheDevice) {
  const std::vector<float> host(4);
  EXPECT_EQ(Send(host.data(), 4), ncclInProgress);
  ExpectFaultOnStream("ncclSend of rank 0 to rank 0, 4 of type 7: is not in memory of the device");
  EXPECT_EQ(Receive(y_.data(), 2 * kCols + 1), ncclInProgress);
  ExpectFaultOnStream("ncclRecv of rank 0 from rank 0, 67 of type 7: leaves its allocation");
  EXPECT_EQ(ncclCommDestroy(nccl_), ncclSuccess);
}

TEST_F(NcclDoubleTest, GroupsAreChecked) {
  EXPECT_EQ(ncclGroupEnd(), ncclInvalidUsage);
  ExpectFault("ncclGroupEnd without ncclGroupStart");
  EXPECT_EQ(ncclGroupStart(), ncclSuccess);
  EXPECT_EQ(Send(x_.data(), 1), ncclSuccess);
  const TestStream other;
  EXPECT_EQ(ncclRecv(y_.data(), 1, ncclFloat32, 0, nccl_, other), ncclInvalidUsage);
  ExpectFault("ncclRecv of rank 0 from rank 0: a group of two communicators or streams");
  EXPECT_EQ(ncclSend(x_.data(), 1, ncclFloat32, 1, nccl_, stream_), ncclInvalidUsage);
  ExpectFault("ncclSend of rank 0 to rank 1, of 1");
  EXPECT_EQ(ncclCommFinalize(nccl_), ncclInvalidUsage);
  ExpectFault("ncclCommFinalize within a group");
  EXPECT_EQ(ncclGroupEnd(), ncclInvalidUsage);  // as a call in it was wrong
  EXPECT_EQ(ncclCommDestroy(nccl_), ncclSuccess);
}

TEST_F(NcclDoubleTest, CommunicatorsAreUsedInTheirTime) {
  EXPECT_EQ(ncclGroupStart(), ncclSuccess);
  EXPECT_EQ(Send(x_.data(), 1), ncclSuccess);
  EXPECT_EQ(Receive(y_.data(), 1), ncclSuccess);
  EXPECT_EQ(ncclGroupEnd(), ncclInProgress);
  EXPECT_EQ(Send(x_.data(), 1), ncclInvalidUsage);
  ExpectFault("ncclSend of rank 0 while an earlier call is in progress");
  EXPECT_EQ(State(), ncclSuccess);
  EXPECT_EQ(stream_.Wait(), cudaSuccess);
  EXPECT_EQ(Send(x_.data(), 1), ncclInProgress);  // which nobody takes
  EXPECT_EQ(State(), ncclSuccess);
  EXPECT_EQ(ncclCommDestroy(nccl_), ncclInvalidUsage);
  ExpectFault("ncclCommDestroy before its exchanges end");
  EXPECT_EQ(ncclCommAbort(nccl_), ncclSuccess);
  EXPECT_EQ(stream_.Wait(), cudaSuccess);
  EXPECT_EQ(Send(x_.data(), 1), ncclInvalidUsage);
  ExpectFault("ncclSend of rank 0 after the communicator's end");
  EXPECT_FALSE(std::filesystem::exists(id_.internal));
}

// Two streams without an event between them take a communicator's exchanges in the order of calls.
TEST_F(NcclDoubleTest, ExchangesOfTwoStreamsKeepTheirOrder) {
  const TestStream other;
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    {
      const cuda_emu::RuntimeLock lock(cuda_emu::RuntimeMutex());
      Emulation::Device().Reset({.seed = seed});
    }
    const DeviceArray<float> one(std::vector<float>(1, 1), stream_);
    const DeviceArray<float> two(std::vector<float>(1, 2), stream_);
    const auto exchange = [&](const DeviceArray<float>& from, int64_t to, cudaStream_t stream) {
      EXPECT_EQ(ncclGroupStart(), ncclSuccess);
      EXPECT_EQ(ncclSend(from.data(), 1, ncclFloat32, 0, nccl_, stream), ncclSuccess);
      EXPECT_EQ(ncclRecv(y_.data() + to, 1, ncclFloat32, 0, nccl_, stream), ncclSuccess);
      EXPECT_EQ(ncclGroupEnd(), ncclInProgress);
      EXPECT_EQ(State(), ncclSuccess);
    };
    exchange(one, 0, stream_);
    exchange(two, 0, other);
    EXPECT_EQ(other.Wait(), cudaSuccess);
    EXPECT_EQ(y_.Read(other)[0], 2) << seed;
  }
  EXPECT_EQ(ncclCommFinalize(nccl_), ncclInProgress);
  EXPECT_EQ(State(), ncclSuccess);
  EXPECT_EQ(ncclCommDestroy(nccl_), ncclSuccess);
}

}  // namespace
}  // namespace octet
