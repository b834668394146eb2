// The rows of an exchange on the emulated device, beside the sums that each token is to get.

#include "kernels/cuda/exchange_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "tests/kernels/cuda/device_weights.h"
#include "tests/kernels/cuda/simulated_exchange.h"

namespace octet::cuda {
namespace {

using cuda_emu::Compute;
using cuda_emu::ComputeWith;
using cuda_emu::DeviceArray;
using cuda_emu::Emulation;
using cuda_emu::TestStream;
using cuda_emu::ViewOf;

// Stands for an expert.
float Output(int expert, float x, int64_t col) {
  return x * (0.3F + static_cast<float>(expert) + static_cast<float>(col % 5));
}

template <class T>
std::vector<float> Outputs(const ExpertWork<T>& work, const TestStream& stream) {
  const std::vector<int32_t> offsets = work.offsets.Read(stream);
  const std::vector<int32_t> rows = work.rows.Read(stream);
  const std::vector<T> x = work.x.Read(stream);
  std::vector<float> outputs;
  for (size_t e = 0; e < work.experts.size(); ++e) {
    for (int32_t i = offsets[e]; i < offsets[e + 1]; ++i) {
      for (int64_t c = 0; c < work.hidden; ++c) {
        outputs.push_back(Output(work.experts[e], ToFloat(x[rows[i] * work.hidden + c]), c));
      }
    }
  }
  return outputs;
}

template <class T>
Compute OnDevice(const ExchangeCase& c, Bases kind, const Experts<T>& experts = Outputs<T>) {
  return [c, kind, experts](const TestStream& stream) {
    return ExchangeOnDevice<T>(c, kind, experts, stream).Run();
  };
}

float Rounded(float x, float) { return x; }
float Rounded(float x, BF16) { return ToFloat(ToBF16(x)); }

// The sum over the slots of each token, in their order; 0 where no token is.
template <class T>
std::vector<float> ExpectedSums(const ExchangeCase& c) {
  std::vector<float> all;
  for (int h = 0; h < c.ranks(); ++h) {
    const Routing& routing = c.homes[h].routing;
    for (int64_t i = 0; i < c.homes[h].capacity() * c.hidden; ++i) {
      const int64_t token = i / c.hidden;
      float sum = token < routing.num_tokens ? -0.0F : 0.0F;
      for (int s = 0; token < routing.num_tokens && s < routing.topk; ++s) {
        const int64_t pair = token * routing.topk + s;
        const float x = Rounded(c.x[h][i], T{});
        sum += routing.topk_weights[pair] * Output(routing.topk_idx[pair], x, i % c.hidden);
      }
      all.push_back(sum);
    }
  }
  return all;
}

// NaNs are all the same.
bool HaveTheSameBits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::ranges::equal(a, b, [](float p, float q) {
    return (std::isnan(p) && std::isnan(q)) ||
           std::bit_cast<uint32_t>(p) == std::bit_cast<uint32_t>(q);
  });
}

template <class T>
void ExpectSums(const ExchangeCase& c) {
  for (const Bases kind : {Bases::kExact, Bases::kCapacity}) {
    EXPECT_TRUE(HaveTheSameBits(ComputeWith(c.ranks(), OnDevice<T>(c, kind)), ExpectedSums<T>(c)));
    EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
  }
}

TEST(CudaExchangeRows, EveryTokenGetsTheSumOfItsExperts) {
  for (const int ranks : {1, 2, 3}) {
    for (const int topk : {1, 2, 8}) {
      if (kSanitized && (ranks != 3 || topk == 1)) continue;
      SCOPED_TRACE(testing::Message() << ranks << ", " << topk);
      for (const int64_t num_tokens : {0, 5}) ExpectSums<BF16>({ranks, num_tokens, topk});
      ExpectSums<float>({ranks, 1, topk});
    }
  }
  if (!kSanitized) ExpectSums<BF16>({8, 6, 2});
  ExpectSums<BF16>({2, kSanitized ? 40 : 100, 2});
  ExpectSums<BF16>({2, 9, 2, /*cols=*/300});  // more than a block has threads
  // More returns than SumReturns takes blocks.
  if (!kSanitized) ExpectSums<BF16>({2, 700, 8, /*cols=*/2});
}

TEST(CudaExchangeRows, SomeRanksHaveNoExperts) {
  ExchangeCase c(4, 12, 2);
  for (HomeCase& home : c.homes) home.owner_of.assign(home.experts, 2);
  ExpectSums<BF16>(c);
  for (HomeCase& home : c.homes) home.owner_of[1] = home.owner_of[6] = 0;
  ExpectSums<float>(c);
}

TEST(CudaExchangeRows, BitsAreTheSameInAnyOrder) {
  const ExchangeCase c(3, 9, 2);
  for (const Bases kind : {Bases::kExact, Bases::kCapacity}) {
    EXPECT_EQ(ExpectAnyOrder(OnDevice<BF16>(c, kind)), ExpectedSums<BF16>(c));
  }
}

// Zeros keep their sign, and what is not finite stays in its row.
TEST(CudaExchangeRows, TakesAnyNumbers) {
  ExchangeCase c(3, 9, 2);
  c.x[0][0] = std::numeric_limits<float>::quiet_NaN();
  c.x[0][c.hidden] = std::numeric_limits<float>::infinity();
  c.x[1][c.hidden + 1] = -std::numeric_limits<float>::infinity();
  for (int h = 0; h < 3; ++h) c.x[h][2 * c.hidden] = -0.0F;
  ExpectSums<BF16>(c);
  ExpectSums<float>(c);
}

// Whatever is sent beside it.
TEST(CudaExchangeRows, ATokenAloneHasTheSameBits) {
  const ExchangeCase many(3, 20, 2);
  ExchangeCase one = many;
  for (HomeCase& home : one.homes) {
    home.routing = {.num_tokens = 0, .topk = 2};
  }
  Routing& routing = one.homes[0].routing;
  const Routing& of_many = many.homes[0].routing;
  constexpr int64_t kToken = 13;
  routing.num_tokens = 1;
  routing.topk_idx.assign(&of_many.topk_idx[2 * kToken], &of_many.topk_idx[2 * kToken + 2]);
  routing.topk_weights.assign(&of_many.topk_weights[2 * kToken],
                              &of_many.topk_weights[2 * kToken + 2]);
  for (int h = 0; h < 3; ++h) one.x[h].resize(one.homes[h].capacity() * many.hidden);
  std::copy_n(many.x[0].begin() + kToken * many.hidden, many.hidden, one.x[0].begin());
  const std::vector<float> all = ComputeWith(1, OnDevice<BF16>(many, Bases::kCapacity));
  const std::vector<float> alone = ComputeWith(4, OnDevice<BF16>(one, Bases::kExact));
  EXPECT_TRUE(HaveTheSameBits(
      {alone.begin(), alone.begin() + many.hidden},
      {all.begin() + kToken * many.hidden, all.begin() + (kToken + 1) * many.hidden}));
}

// Experts by GroupedSwiGlu, with the tiles of the plan.
class SwiGluExperts {
 public:
  explicit SwiGluExperts(int64_t hidden) : hidden_(hidden) {}

  std::vector<float> operator()(const ExpertWork<float>& work, const TestStream& stream) const {
    std::vector<std::unique_ptr<DeviceArray<float>>> weights;
    const auto upload = [&](const std::vector<float>& packed) {
      weights.push_back(std::make_unique<DeviceArray<float>>(packed, stream));
      return weights.back()->data();
    };
    std::vector<DeviceExpert> table;
    for (const int e : work.experts) {
      const auto seed = static_cast<uint32_t>(3 * e);
      const auto numbers = [&](uint32_t i) {
        return Numbers<float>(hidden_ * kIntermediate, seed + i, 0.4F);
      };
      const PackedRows<float> gate_up(numbers(1), numbers(2), kIntermediate, hidden_);
      const PackedRows<float> down(numbers(3), hidden_, kIntermediate);
      table.push_back({upload(gate_up.packed()), upload(down.packed())});
    }
    const DeviceArray<DeviceExpert> experts(table, stream);
    const DeviceArray<float> between(work.num_rows * kIntermediate), y(work.num_rows * hidden_);
    const GroupedSwiGlu swiglu = {
        .x = ViewOf(work.x, work.num_rows, hidden_, hidden_),
        .rows = work.plan.rows,
        .tiles = work.plan.tiles,
        .num_tiles = work.plan.num_tiles,
        .max_tiles = work.max_tiles,
        .tile_rows = work.plan.tile_rows,
        .experts = experts.data(),
        .between = ViewOf(between, work.num_rows, kIntermediate, kIntermediate),
        .y = ViewOf(y, work.num_rows, hidden_, hidden_)};
    EXPECT_EQ(swiglu.Compute(stream), cudaSuccess);
    return y.Read(stream);
  }

 private:
  static constexpr int64_t kIntermediate = 7;
  int64_t hidden_;
};

// The layer of each token is the same on three ranks as where its home has all experts.
TEST(CudaExchangeRows, BitsDoNotDependOnOwners) {
  const ExchangeCase spread(3, 20, 2, /*cols=*/11);
  ExchangeCase alone = spread;
  for (int h = 0; h < 3; ++h) alone.homes[h].owner_of.assign(alone.homes[h].experts, h);
  const SwiGluExperts experts(11);
  const std::vector<float> y = ComputeWith(1, OnDevice<float>(spread, Bases::kCapacity, experts));
  EXPECT_THAT(Emulation::Device().faults(), testing::IsEmpty());
  EXPECT_EQ(ComputeWith(2, OnDevice<float>(alone, Bases::kExact, experts)), y);
  EXPECT_EQ(ComputeWith(3, OnDevice<float>(spread, Bases::kExact, experts)), y);
  EXPECT_EQ(std::ranges::count(y, 0.0F), 9 * 11);  // where there are no tokens
}

}  // namespace
}  // namespace octet::cuda
