#include "kernels/cuda/upload_ring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <vector>

#include "tests/cuda_emu/emulated_device.h"

namespace octet::cuda {
namespace {

using cuda_emu::Emulation;
using cuda_emu::kOrders;
using testing::IsEmpty;

constexpr size_t kRingBytes = 16 << 10;

std::vector<int32_t> List(int64_t count, int32_t first) {
  std::vector<int32_t> list(count);
  std::iota(list.begin(), list.end(), first);
  return list;
}

std::vector<int32_t> Read(const int32_t* from, int64_t count, const Stream& stream) {
  std::vector<int32_t> list(count);
  EXPECT_EQ(
      cudaMemcpyAsync(list.data(), from, count * sizeof(int32_t), cudaMemcpyDeviceToHost, stream),
      cudaSuccess);
  return list;
}

// Copies on the device, as a kernel would read a list when its turn comes.
class Reader {
 public:
  explicit Reader(const Stream& stream)
      : stream_(stream), kept_(AllocateOnDevice(size_t{4} << 20, stream)) {}

  void Keep(const int32_t* list, std::vector<int32_t> expected) {
    auto* const to = reinterpret_cast<int32_t*>(kept_.data()) + used_;
    EXPECT_EQ(cudaMemcpyAsync(to, list, expected.size() * sizeof(int32_t), cudaMemcpyDeviceToDevice,
                              stream_),
              cudaSuccess);
    used_ += std::ssize(expected);
    all_.insert(all_.end(), expected.begin(), expected.end());
  }

  // What was read is what was uploaded.
  void Expect() const {
    std::vector<int32_t> read(used_);
    EXPECT_EQ(cudaMemcpyAsync(read.data(), kept_.data(), used_ * sizeof(int32_t),
                              cudaMemcpyDeviceToHost, stream_),
              cudaSuccess);
    stream_.Wait();
    EXPECT_TRUE(read == all_);
    EXPECT_THAT(Emulation::Device().faults(), IsEmpty());
  }

 private:
  const Stream& stream_;
  Buffer kept_;
  int64_t used_ = 0;
  std::vector<int32_t> all_;
};

// Lists of all sizes, many times around the ring, while nobody waits.
TEST(UploadRing, AListIsReadAsItWas) {
  for (uint64_t seed = 1; seed <= kOrders; ++seed) {
    Emulation::Device().Reset({.seed = seed});
    const Stream stream;
    UploadRing ring(stream, kRingBytes);
    Reader reader(stream);
    std::mt19937 random(seed);
    int64_t bytes = 0;
    for (int32_t i = 0; i < 600; ++i) {
      std::vector<int32_t> list = List(random() % 8 == 0 ? 500 : random() % 200, 1000 * i);
      const int32_t* const uploaded = ring.Upload(std::span<const int32_t>(list));
      reader.Keep(uploaded, list);
      bytes += std::ssize(list) * int64_t{sizeof(int32_t)};
      std::ranges::fill(list, -1);  // the caller's again
      if (random() % 50 == 0) {
        stream.Wait();
        ring.StreamIsIdle();
      }
    }
    reader.Expect();
    EXPECT_EQ(ring.bytes_uploaded(), bytes);
  }
}

// Those that one kernel reads lie beside each other, even behind the end of the ring.
TEST(UploadRing, TheLastListsAreThereTogether) {
  for (const int64_t count : {1, 63, 64, 65, 511, 512, 700}) {
    Emulation::Device().Reset({});
    const Stream stream;
    UploadRing ring(stream, kRingBytes);
    Reader reader(stream);
    std::vector<const int32_t*> uploaded;
    std::vector<std::vector<int32_t>> lists;
    constexpr size_t kAtATime = UploadRing::kListsAtATime;
    for (int32_t i = 0; i < 50; ++i) {
      lists.push_back(List(count, 1000 * i));
      uploaded.push_back(ring.Upload(std::span<const int32_t>(lists.back())));
      if (lists.size() < kAtATime) continue;
      for (size_t j = lists.size() - kAtATime; j < lists.size(); ++j) {
        reader.Keep(uploaded[j], lists[j]);
      }
    }
    reader.Expect();
  }
}

// Earlier lists stay where they are.
TEST(UploadRing, GrowsForLargeLists) {
  Emulation::Device().Reset({});
  const Stream stream;
  UploadRing ring(stream, kRingBytes);
  Reader reader(stream);
  const std::vector<int32_t> small = List(5, 1);
  const std::vector<int32_t> large = List(20000, 7);
  const int32_t* const first = ring.Upload(std::span(small));
  const int32_t* const second = ring.Upload(std::span(large));
  const int32_t* const third = ring.Upload(std::span(small));
  reader.Keep(third, small);
  reader.Keep(first, small);
  reader.Keep(second, large);
  reader.Expect();
  ring.StreamIsIdle();
  reader.Keep(ring.Upload(std::span(large)), large);
  reader.Expect();
}

TEST(UploadRing, UploadsToMemoryOfOthers) {
  Emulation::Device().Reset({});
  const Stream stream;
  UploadRing ring(stream, kRingBytes);
  const Buffer memory = AllocateOnDevice(1000, stream);
  const std::vector<int32_t> list = List(100, 3);
  ring.UploadTo(std::as_bytes(std::span(list)), memory.data() + 400);
  ring.UploadTo({}, memory.data());
  const std::vector<int32_t> read =
      Read(reinterpret_cast<const int32_t*>(memory.data()), 250, stream);
  stream.Wait();
  EXPECT_EQ(std::vector<int32_t>(read.begin() + 100, read.begin() + 200), list);
  EXPECT_EQ(std::vector<int32_t>(read.begin(), read.begin() + 100), std::vector<int32_t>(100));
  EXPECT_EQ(ring.bytes_uploaded(), 400);
  EXPECT_NE(ring.Upload(std::span<const int32_t>()), nullptr);
}

}  // namespace
}  // namespace octet::cuda
