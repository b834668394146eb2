// No two accesses of a kernel are without order, and each synchronisation is why: of those that are
// taken away, every one shows as a race, whatever the order in which threads happen to run.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/cuda_emu/race_detector.h"
#include "tests/kernels/cuda/flash_case.h"
#include "tests/kernels/cuda/kernel_calls.h"
#include "tests/kernels/cuda/product_case.h"
#include "tests/kernels/cuda/simulated_exchange.h"
#include "tests/kernels/cuda/swiglu_layer.h"

namespace octet::cuda {
namespace {

using cuda_emu::Emulation;
using cuda_emu::RaceDetector;
using cuda_emu::Site;
using cuda_emu::TestStream;

struct Watched {
  std::vector<std::string> races;
  std::vector<std::string> faults;
  std::vector<Site> sites;
  int64_t num_accesses;
};

Watched Watch(const KernelCall& call, const Site& removed = {}) {
  Emulation::Device().Reset({.seed = 1, .removed = removed});
  const TestStream stream;
  const RaceDetector detector;
  call(stream);
  return {detector.races(), Emulation::Device().faults(), Emulation::Device().sites(),
          detector.num_accesses()};
}

std::string Name(const Site& site) { return site.file + (":" + std::to_string(site.line)); }

// Returns its synchronisations.
std::vector<Site> ExpectNoRaces(const KernelCall& call) {
  const Watched watched = Watch(call);
  EXPECT_THAT(watched.races, testing::IsEmpty());
  EXPECT_THAT(watched.faults, testing::IsEmpty());
  EXPECT_GT(watched.num_accesses, 0);
  return watched.sites;
}

// And a race without any of its synchronisations.
void ExpectRacesWithout(const KernelCall& call, size_t num_sites) {
  const std::vector<Site> sites = ExpectNoRaces(call);
  EXPECT_EQ(sites.size(), num_sites);
  for (const Site& site : sites) {
    EXPECT_THAT(Watch(call, site).races, testing::Not(testing::IsEmpty())) << Name(site);
  }
}

TEST(CudaRaces, Rows) {
  ExpectRacesWithout(CallRmsNorm(2, 300), 1);
  ExpectRacesWithout(CallSoftmax(2, 300), 1);
  ExpectRacesWithout(CallLogSumExp(2, 300), 1);
  ExpectNoRaces(CallAdd(2, 300));
  ExpectNoRaces(CallGatherRows(3, 301));
  ExpectNoRaces(CallWeightedSum(3, 300));
  ExpectNoRaces(CallRope(3, 4, 20));
  ExpectNoRaces(CallAllFinite(3, 300));
}

TEST(CudaRaces, Router) {
  ExpectNoRaces(CallRoute(3, 8, 2));
  ExpectNoRaces(CallRoute(2, 100, 40));
}

TEST(CudaRaces, Products) {
  ExpectRacesWithout(CallOf(Product<BF16>{10, 70, 1000}.OnDevice()), 2);
  ExpectRacesWithout(CallOf(Product<BF16>{70, 70, 400}.OnDevice()), 2);
  ExpectRacesWithout(CallOf(Product<BF16>{70, 30, 72, Path::kPlain}.OnDevice()), 2);
  ExpectRacesWithout(CallOf(Product<float>{70, 30, 71}.OnDevice()), 2);
}

TEST(CudaRaces, Experts) {
  ExpectRacesWithout(CallOf(Layer<BF16>(264, 72, {0, 10, 27}).With(16).OnDevice()), 2);
  ExpectRacesWithout(CallOf(Layer<BF16>(264, 72, {0, 70, 85}).OnDevice()), 2);
  ExpectRacesWithout(CallOf(Layer<BF16>(264, 136, {0, 130}).With(128).OnDevice()), 2);
  ExpectRacesWithout(CallOf(Layer<BF16>(40, 72, {0, 70, 85}).With(64, Path::kPlain).OnDevice()), 2);
  ExpectRacesWithout(CallOf(Layer<float>(37, 35, {0, 3, 3, 20}).OnDevice()), 2);
}

TEST(CudaRaces, Attention) {
  ExpectRacesWithout(CallAttention(DType::kF32, {2, 1, 40}, 300), 1);
  ExpectRacesWithout(CallAttention(DType::kBF16, {2, 1, 200}, 140), 1);
}

TEST(CudaRaces, AttentionByTensorCores) {
  // The window leaves one fold of the first split, whose last stage is among those that the next
  // split begins with.
  const PagedCache one(DType::kBF16, {4, 1, 64}, {288});
  ExpectRacesWithout(CallOf(Flash(one, {{0, 264, 4}}, {16, false, 40})), 3);
  for (const int head_dim : {64, 128}) {
    const PagedCache cache(DType::kBF16, {8, 2, head_dim}, {300, 530});
    ExpectNoRaces(CallOf(Flash(cache, {{0, 270, 30}}, {16, false})));
    ExpectNoRaces(CallOf(Flash(cache, {{1, 529, 1}, {0, 7, 1}}, {1, true})));
    ExpectNoRaces(CallOf(Flash(cache, {{1, 500, 20}}, {7, true, 140})));
  }
}

// A value that is not finite: tokens are computed one by one.
TEST(CudaRaces, AttentionToWhatIsNotFinite) {
  PagedCache cache(DType::kBF16, {4, 1, 64}, {310});
  cache.SetValue(0, 300, std::numeric_limits<float>::infinity());
  ExpectNoRaces(CallOf(Flash(cache, {{0, 290, 16}}, {16, false, 20})));
}

TEST(CudaRaces, Plans) {
  const HomeCase home = {3, 8, EvenOwners(3, 8, 1), DrawRouting(70, 8, 2, 1)};
  // Without the barrier of the others, which is the same one, they would write anywhere.
  ExpectRacesWithout(CallCountSends(home), 1);
  ExpectNoRaces(CallPlanSends(home, Bases::kExact));
  ExpectNoRaces(CallPlanSends(home, Bases::kCapacity));
  ExpectNoRaces(CallPlanExperts(ArrivedCase({home, home, home}, 1, Bases::kCapacity)));
}

TEST(CudaRaces, RowsOfAnExchange) {
  const HomeCase home = {3, 8, EvenOwners(3, 8, 1), DrawRouting(40, 8, 2, 1)};
  ExpectNoRaces(CallHomeRows(home, 300));
  ExpectNoRaces(CallSumReturns(ArrivedCase({home, home, home}, 1, Bases::kExact), 300));
}

TEST(CudaRaces, Sampling) {
  const std::vector<SampleRow> rows = {{.top_k = 300, .top_p = 0.8F, .draw = uint64_t{1} << 52},
                                       {.draw = uint64_t{1} << 52},
                                       {.top_p = 0.5F},  // by exact sums
                                       {.draw = 0},
                                       {}};
  std::vector<float> logits = cuda_emu::NormalNumbers(5 * 700, 1);
  std::fill_n(logits.begin() + 2 * 700, 2 * 700, 0.0F);
  ExpectRacesWithout(CallSampling(logits, rows, {1, 1, 1, 1, 0}), 8);
  ExpectNoRaces(CallTokenLogprobs(2, 700));
}

}  // namespace
}  // namespace octet::cuda
