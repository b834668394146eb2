// What watches memory accesses sees those of kernels that are known.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cuda_emu/byte_counter.h"
#include "tests/cuda_emu/emulated_device.h"
#include "tests/cuda_emu/race_detector.h"
#include "tests/cuda_emu/sample_kernels.h"

namespace octet::cuda_emu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

using Run = std::function<cudaError_t(const TestStream& stream)>;

std::vector<std::string> RacesOf(const Run& run, const Site& removed = {}) {
  Emulation::Device().Reset({.seed = 1, .removed = removed});
  const TestStream stream;
  const RaceDetector detector;
  EXPECT_EQ(run(stream), cudaSuccess);
  EXPECT_EQ(stream.Wait(), cudaSuccess);
  return detector.races();
}

// One run with one seed is enough.
void ExpectRacesWithoutEach(const Run& run, size_t num_sites) {
  EXPECT_THAT(RacesOf(run), IsEmpty());
  const std::vector<Site> sites = Emulation::Device().sites();
  EXPECT_THAT(sites, SizeIs(num_sites));
  for (const Site& site : sites) EXPECT_THAT(RacesOf(run, site), Not(IsEmpty())) << site.line;
}

TEST(RaceDetectorTest, EachSynchronisationOfTheSamplesIsNeeded) {
  const DeviceArray<int> in(5 * 64), out(5 * 64);
  ExpectRacesWithoutEach([&](auto& s) { return SumBlocks(in.data(), out.data(), 5, s); }, 2);
  ExpectRacesWithoutEach([&](auto& s) { return CopyAsync(in.data(), out.data(), s); }, 2);
  const DeviceArray<__nv_bfloat16> a(256), b(256);
  const DeviceArray<float> d(256);
  ExpectRacesWithoutEach([&](auto& s) { return MultiplyTile(a.data(), b.data(), d.data(), s); }, 1);
  const DeviceArray<uint16_t> x(256);
  const DeviceArray<uint32_t> fragments(128);
  ExpectRacesWithoutEach(
      [&](auto& s) { return LoadFragments(x.data(), fragments.data(), true, s); }, 1);
}

TEST(RaceDetectorTest, NothingOrdersBlocks) {
  const DeviceArray<int> out(64);
  EXPECT_THAT(RacesOf([&](auto& s) { return PassToNextBlock(out.data(), 3, s); }),
              ElementsAre(HasSubstr("in another block")));
  EXPECT_THAT(RacesOf([&](auto& s) { return PassToNextBlock(out.data(), 1, s); }), IsEmpty());
}

// Although the emulation runs the lanes together.
TEST(RaceDetectorTest, AShuffleOrdersNoMemory) {
  const DeviceArray<int> out(32);
  EXPECT_THAT(RacesOf([&](auto& s) { return ShuffleAsBarrier(out.data(), s); }),
              ElementsAre(HasSubstr("shared memory: a thread writes it after")));
}

TEST(RaceDetectorTest, LaunchesAreOrderedByTheirStream) {
  const DeviceArray<int> out(256);
  EXPECT_THAT(RacesOf([&](auto& s) {
                for (int i = 0; i < 2; ++i) EXPECT_EQ(AddTo(out.data(), 1, s), cudaSuccess);
                return CopyAsync(out.data(), out.data(), s);
              }),
              IsEmpty());
}

TEST(ByteCounterTest, CountsOnceForALaunchABlockAndAPhase) {
  Emulation::Device().Reset({});
  const TestStream stream;
  const DeviceArray<int> in(std::vector<int>(256, 1), stream), out(256);
  const ByteCounter counter;
  EXPECT_EQ(SumBlocks(in.data(), out.data(), 4, stream), cudaSuccess);
  EXPECT_EQ(CopyAsync(in.data(), out.data(), stream), cudaSuccess);
  EXPECT_EQ(ReadInEachPhase(in.data(), out.data(), /*blocks=*/3, stream), cudaSuccess);
  EXPECT_EQ(stream.Wait(), cudaSuccess);
  const auto& launches = counter.launches();
  ASSERT_THAT(launches, SizeIs(3));
  EXPECT_EQ(launches[0].by_launch, 4 * 64 * 4 + 4 * 4);
  EXPECT_EQ(launches[0].by_phase, launches[0].by_launch);
  EXPECT_EQ(launches[1].by_launch, 2 * 1024);  // by cp.async, and by stores of 16 bytes
  EXPECT_EQ(launches[1].by_block, 2 * 1024);
  // 32 numbers that all blocks read, twice, and one result of each.
  EXPECT_EQ(launches[2].by_launch, 32 * 4 + 3 * 4);
  EXPECT_EQ(launches[2].by_block, 3 * (32 * 4 + 4));
  EXPECT_EQ(launches[2].by_phase, 3 * (2 * 32 * 4 + 4));
}

}  // namespace
}  // namespace octet::cuda_emu
