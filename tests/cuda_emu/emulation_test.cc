// The emulated device does what a device does, and sees the faults that it is there to see.

#include "tests/cuda_emu/emulation.h"

#include <absl/strings/str_cat.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "tests/cuda_emu/devices.h"
#include "tests/cuda_emu/emulated_device.h"
#include "tests/cuda_emu/sample_kernels.h"
#include "tests/cuda_emu/streams.h"

namespace octet::cuda_emu {
namespace {

using testing::Each;
using testing::HasSubstr;
using testing::IsEmpty;

class EmulationTest : public testing::Test {
 protected:
  void SetUp() override { Begin(1); }

  static void Begin(uint64_t seed, const Site& removed = {}) {
    Emulation::Device().Reset({.seed = seed, .removed = removed});
  }
  static const std::vector<std::string>& Faults() { return Emulation::Device().faults(); }

  static std::vector<int> Numbers(int count) {
    std::vector<int> numbers(count);
    for (int i = 0; i < count; ++i) numbers[i] = i * i % 101;
    return numbers;
  }

  const TestStream stream_;
};

TEST_F(EmulationTest, BarriersOrderThreads) {
  const std::vector<int> x = Numbers(5 * 64);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Begin(seed);
    const DeviceArray<int> in(x, stream_);
    const DeviceArray<int> out(5);
    ASSERT_EQ(SumBlocks(in.data(), out.data(), 5, stream_), cudaSuccess);
    const std::vector<int> sums = out.Read(stream_);
    for (int b = 0; b < 5; ++b) {
      EXPECT_EQ(sums[b], std::reduce(x.begin() + 64 * b, x.begin() + 64 * (b + 1))) << seed;
    }
    EXPECT_THAT(Faults(), IsEmpty());
  }
}

// Each barrier is needed: without it some order of threads gives something else.
TEST_F(EmulationTest, ARemovedBarrierShows) {
  const std::vector<int> x = Numbers(64);
  const int expected = std::reduce(x.begin(), x.end());
  const auto sum_without = [&](uint64_t seed, const Site& removed) {
    Begin(seed, removed);
    const DeviceArray<int> in(x, stream_);
    const DeviceArray<int> out(1);
    EXPECT_EQ(SumBlocks(in.data(), out.data(), 1, stream_), cudaSuccess);
    return out.Read(stream_)[0];
  };
  EXPECT_EQ(sum_without(1, {}), expected);
  const std::vector<Site> sites = Emulation::Device().sites();
  ASSERT_EQ(sites.size(), 2U);
  for (const Site& site : sites) {
    int wrong = 0;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) wrong += sum_without(seed, site) != expected;
    EXPECT_GT(wrong, 0) << site.line;
  }
}

TEST_F(EmulationTest, WarpOperationsAreThoseOfTheManual) {
  const std::vector<int> x = Numbers(32);
  const DeviceArray<int> in(x, stream_);
  const DeviceArray<int> out(5 * 32);
  ASSERT_EQ(WarpOperations(in.data(), out.data(), stream_), cudaSuccess);
  const std::vector<int> result = out.Read(stream_);
  unsigned odd = 0;
  for (int l = 0; l < 32; ++l) odd |= static_cast<unsigned>(x[l] % 2) << l;
  for (int l = 0; l < 32; ++l) {
    EXPECT_EQ(result[l], x[l ^ 5]);
    EXPECT_EQ(result[32 + l], x[l < 3 ? l : l - 3]);
    EXPECT_EQ(result[64 + l], x[l + 7 > 31 ? l : l + 7]);
    EXPECT_EQ(result[96 + l], x[9]);
    EXPECT_EQ(static_cast<unsigned>(result[128 + l]), odd);
  }
  EXPECT_THAT(Faults(), IsEmpty());
}

// Small whole numbers, whose sums are exact in any order.
TEST_F(EmulationTest, ATileIsMultipliedByItsFragments) {
  const auto number = [](int i, int k) { return static_cast<float>((3 * i + 5 * k) % 17 - 8); };
  std::vector<__nv_bfloat16> a, b;
  const auto to_bf16 = [](float f) {
    const auto bits = static_cast<uint16_t>(std::bit_cast<uint32_t>(f) >> 16);
    return std::bit_cast<__nv_bfloat16>(bits);
  };
  for (int i = 0; i < 16 * 16; ++i) a.push_back(to_bf16(number(i / 16, i % 16)));
  for (int i = 0; i < 8 * 16; ++i) b.push_back(to_bf16(number(i % 16, 2 * (i / 16))));
  const DeviceArray<__nv_bfloat16> a_device(a, stream_), b_device(b, stream_);
  const DeviceArray<float> out(16 * 8);
  ASSERT_EQ(MultiplyTile(a_device.data(), b_device.data(), out.data(), stream_), cudaSuccess);
  const std::vector<float> d = out.Read(stream_);
  for (int row = 0; row < 16; ++row) {
    for (int col = 0; col < 8; ++col) {
      float sum = 0;
      for (int k = 0; k < 16; ++k) sum += number(row, k) * number(k, 2 * col);
      EXPECT_EQ(d[row * 8 + col], sum) << row << ", " << col;
    }
  }
  EXPECT_THAT(Faults(), IsEmpty());
}

// PTX ISA, ldmatrix: a lane gets two neighbours of row lane / 4; with .trans, of that column.
TEST_F(EmulationTest, LanesGetTheirPartOfMatrices) {
  std::vector<uint16_t> x(4 * 64);
  std::iota(x.begin(), x.end(), uint16_t{0});
  const DeviceArray<uint16_t> in(x, stream_);
  for (const bool transposed : {false, true}) {
    const DeviceArray<uint32_t> out(4 * 32);
    ASSERT_EQ(LoadFragments(in.data(), out.data(), transposed, stream_), cudaSuccess);
    const std::vector<uint32_t> fragments = out.Read(stream_);
    for (int lane = 0; lane < 32; ++lane) {
      for (int m = 0; m < 4; ++m) {
        const int group = lane / 4;
        const int pair = 2 * (lane % 4);
        const int low = 64 * m + (transposed ? 8 * pair + group : 8 * group + pair);
        const int high = low + (transposed ? 8 : 1);
        EXPECT_EQ(fragments[4 * lane + m], static_cast<uint32_t>(low + (high << 16))) << lane;
      }
    }
  }
  EXPECT_THAT(Faults(), IsEmpty());
}

TEST_F(EmulationTest, AsynchronousCopiesMustBeWaitedFor) {
  const std::vector<int> x = Numbers(256);
  const auto copy_without = [&](const Site& removed) {
    Begin(3, removed);
    const DeviceArray<int> in(x, stream_);
    const DeviceArray<int> out(256);
    EXPECT_EQ(CopyAsync(in.data(), out.data(), stream_), cudaSuccess);
    return out.Read(stream_);
  };
  const std::vector<int> copied = copy_without({});
  for (int i = 0; i < 256; ++i) EXPECT_EQ(copied[i], x[4 * (63 - i / 4) + i % 4]);
  EXPECT_EQ(Emulation::Device().async_bytes(), 1024);
  const std::vector<Site> sites = Emulation::Device().sites();
  ASSERT_EQ(sites.size(), 2U);  // the wait, and the barrier after it
  for (const Site& site : sites) EXPECT_NE(copy_without(site), copied) << site.line;
}

TEST_F(EmulationTest, SharedMemoryBeginsAsNan) {
  const DeviceArray<float> out(32);
  ASSERT_EQ(ReadUnwritten(out.data(), stream_), cudaSuccess);
  for (const float value : out.Read(stream_)) EXPECT_TRUE(std::isnan(value));
}

TEST_F(EmulationTest, FaultsOfKernelsAreNamed) {
  const auto expect_fault = [&](auto launch, const std::string& what) {
    Begin(1);
    EXPECT_EQ(launch(), cudaSuccess);
    EXPECT_EQ(stream_.Wait(), cudaErrorLaunchFailure);
    ASSERT_THAT(Faults(), testing::Not(IsEmpty()));
    EXPECT_THAT(Faults()[0], HasSubstr(what));
    EXPECT_STREQ(cudaGetErrorString(cudaErrorLaunchFailure), Faults()[0].c_str());
    Begin(1);
  };
  const DeviceArray<int> out(64);
  expect_fault([&] { return HalfABarrier(stream_); }, "after which some threads have ended");
  expect_fault([&] { return DifferentBarriers(out.data(), stream_); }, "meets the one at");
  expect_fault([&] { return ShuffleFromNobody(out.data(), stream_); }, "takes no part");
}

TEST_F(EmulationTest, HostCodeCannotTouchDeviceMemory) {
  const DeviceArray<int> array(Numbers(4), stream_);
  constexpr int kTouched = 77;
  EXPECT_EXIT(
      {
        volatile int value = *array.data();
        _exit(value == 0 ? kTouched : kTouched + 1);
      },
      [](int status) { return !WIFEXITED(status) || WEXITSTATUS(status) < kTouched; }, "");
}

TEST_F(EmulationTest, CopiesStayInTheirAllocation) {
  const DeviceArray<int> array(8);
  std::vector<int> host(16);
  EXPECT_EQ(
      cudaMemcpyAsync(array.data(), host.data(), 9 * sizeof(int), cudaMemcpyHostToDevice, stream_),
      cudaSuccess);
  EXPECT_EQ(stream_.Wait(), cudaErrorLaunchFailure);
  EXPECT_THAT(Faults()[0], HasSubstr("36 bytes leaves its allocation"));
  Begin(1);
  EXPECT_EQ(cudaMemcpyAsync(array.data(), host.data(), 4, cudaMemcpyDeviceToHost, stream_),
            cudaSuccess);
  EXPECT_EQ(stream_.Wait(), cudaErrorLaunchFailure);
  EXPECT_THAT(Faults()[0], HasSubstr("which it is not"));
  Begin(1);
}

// What another stream writes is there after an event, and without one on some seeds only.
TEST_F(EmulationTest, EventsOrderStreams) {
  const TestStream other;
  cudaEvent_t event = nullptr;
  ASSERT_EQ(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), cudaSuccess);
  int without = 0;
  for (uint64_t seed = 1; seed <= 2 * kSeeds; ++seed) {
    Begin(seed);
    const DeviceArray<int> in(std::vector<int>(256, 7), stream_);
    const DeviceArray<int> out(256);
    const auto copy = [&](bool waits) {
      EXPECT_EQ(AddTo(in.data(), 1, stream_), cudaSuccess);
      EXPECT_EQ(cudaEventRecord(event, stream_), cudaSuccess);
      const cudaError_t error = waits ? cudaStreamWaitEvent(other, event, 0) : cudaSuccess;
      EXPECT_EQ(error, cudaSuccess);
      EXPECT_EQ(CopyAsync(in.data(), out.data(), other), cudaSuccess);
      const int first = out.Read(other)[0];
      EXPECT_EQ(stream_.Wait(), cudaSuccess);
      return first;
    };
    EXPECT_EQ(copy(true), 8) << seed;
    without += copy(false) == 9 ? 0 : 1;
  }
  EXPECT_GT(without, 0);
  EXPECT_EQ(cudaEventDestroy(event), cudaSuccess);
}

TEST_F(EmulationTest, AGraphRepeatsWhatItCaptured) {
  const DeviceArray<int> array(std::vector<int>(256, 0), stream_);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeGlobal), cudaSuccess);
  EXPECT_EQ(AddTo(array.data(), 2, stream_), cudaSuccess);
  EXPECT_EQ(AddTo(array.data(), 3, stream_), cudaSuccess);
  void* p = nullptr;
  EXPECT_EQ(cudaMalloc(&p, 4), cudaErrorStreamCaptureUnsupported);
  EXPECT_EQ(stream_.Wait(), cudaErrorStreamCaptureUnsupported);
  ASSERT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  EXPECT_THAT(array.Read(stream_), Each(0));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(cudaGraphLaunch(executable, stream_), cudaSuccess);
  EXPECT_THAT(array.Read(stream_), Each(15));
  EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
}

// It stays in front of its stream, and other streams go on. Each launch of a graph begins anew.
TEST_F(EmulationTest, WorkThatIsNotYetCompleteIsAskedAgain) {
  const TestStream other;
  const DeviceArray<int> array(std::vector<int>(256, 0), stream_);
  int asked = 0;
  const auto at_third = [&asked, times = 0]() mutable {
    ++asked;
    return ++times == 3;
  };
  ASSERT_EQ(EnqueueTrial(stream_, at_third), cudaSuccess);
  EXPECT_EQ(AddTo(array.data(), 1, stream_), cudaSuccess);
  EXPECT_EQ(cudaStreamQuery(stream_), cudaErrorNotReady);
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(other.Wait(), cudaSuccess);
  EXPECT_THAT(array.Read(stream_), Each(1));
  EXPECT_EQ(asked, 3);
  ASSERT_EQ(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeGlobal), cudaSuccess);
  ASSERT_EQ(EnqueueTrial(stream_, at_third), cudaSuccess);
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  ASSERT_EQ(cudaStreamEndCapture(stream_, &graph), cudaSuccess);
  ASSERT_EQ(cudaGraphInstantiate(&executable, graph, 0), cudaSuccess);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(cudaGraphLaunch(executable, stream_), cudaSuccess);
  EXPECT_EQ(stream_.Wait(), cudaSuccess);
  EXPECT_EQ(asked, 9);
  EXPECT_EQ(cudaGraphExecDestroy(executable), cudaSuccess);
  EXPECT_EQ(cudaGraphDestroy(graph), cudaSuccess);
}

TEST_F(EmulationTest, HasAsManyDevicesAsItIsToldTo) {
  int count = 0;
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  EXPECT_EQ(count, 1);
  EXPECT_EQ(cudaSetDevice(1), cudaErrorInvalidDevice);
  ASSERT_EQ(setenv("OCTET_EMULATED_DEVICES", "3", 1), 0);
  EXPECT_EQ(cudaGetDeviceCount(&count), cudaSuccess);
  EXPECT_EQ(count, 3);
  EXPECT_EQ(cudaSetDevice(2), cudaSuccess);
  EXPECT_EQ(CurrentDevice(), 2);
  EXPECT_EQ(cudaSetDevice(3), cudaErrorInvalidDevice);
  EXPECT_EQ(cudaSetDevice(0), cudaSuccess);
  constexpr int kLength = 16;
  char bus_id[kLength] = {};
  EXPECT_EQ(cudaDeviceGetPCIBusId(bus_id, kLength, 2), cudaSuccess);
  EXPECT_STREQ(bus_id, "0000:02:00.0");
  EXPECT_EQ(cudaDeviceGetPCIBusId(bus_id, kLength, 3), cudaErrorInvalidDevice);
  unsetenv("OCTET_EMULATED_DEVICES");
}

TEST_F(EmulationTest, RefusesLaunchesThatNoDeviceTakes) {
  EXPECT_EQ(AddTo(nullptr, 1, nullptr), cudaErrorInvalidResourceHandle);
  Begin(1);
  EXPECT_EQ(SumBlocks(nullptr, nullptr, 0, stream_), cudaErrorInvalidConfiguration);
  Begin(1);
}

}  // namespace
}  // namespace octet::cuda_emu
