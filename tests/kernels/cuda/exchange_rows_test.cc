// All ranks of an exchange on one emulated device. What NCCL would move between them, the test
// copies block by block.

#include "kernels/cuda/exchange_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "tests/kernels/cuda/device_weights.h"
#include "tests/kernels/cuda/exchange_case.h"

namespace octet::cuda {
namespace {

using cuda_emu::Compute;
using cuda_emu::ComputeWith;
using cuda_emu::DeviceArray;
using cuda_emu::Emulation;
using cuda_emu::NormalNumbers;
using cuda_emu::TestStream;
using cuda_emu::ViewOf;

constexpr int64_t kHidden = 300;  // more than a block has threads

// The tokens of all homes, each [capacity, kHidden].
struct ExchangeCase {
  std::vector<HomeCase> homes;
  std::vector<std::vector<float>> x;  // [homes]

  ExchangeCase(int ranks, int64_t num_tokens, int topk) {
    const int experts = std::max({8, topk + 1, ranks});
    for (int h = 0; h < ranks; ++h) {
      const int64_t tokens = h % 3 == 1 ? num_tokens / 4 : num_tokens;
      homes.push_back({ranks, experts, EvenOwners(ranks, experts, h % 2),
                       DrawRouting(tokens, experts, topk, static_cast<uint32_t>(h + topk))});
      x.push_back(NormalNumbers(homes.back().capacity() * kHidden, static_cast<uint32_t>(h + 1)));
    }
  }

  int ranks() const { return static_cast<int>(homes.size()); }

  // Those that some home lets this rank serve, ascending.
  std::vector<int> LocalExperts(int rank) const {
    std::set<int> local;
    for (const HomeCase& home : homes) {
      for (int e = 0; e < home.experts; ++e) {
        if (home.owner_of[e] == rank) local.insert(e);
      }
    }
    return {local.begin(), local.end()};
  }

  MessageSize LargestSize() const {
    int64_t capacity = 0;
    for (const HomeCase& home : homes) capacity = std::max(capacity, home.capacity());
    return LargestMessage(static_cast<int32_t>(capacity), homes[0].topk());
  }
};

// Stands for an expert: few numbers are the same for two of them.
float Output(int expert, float x, int64_t col) {
  return x * (0.3F + static_cast<float>(expert)) + static_cast<float>(col);
}

// What a home has sent, as it lies on its rank.
template <class T>
struct Outbox {
  std::vector<MessageSize> sizes, bases;
  std::vector<DevicePair> pairs;
  std::vector<T> rows;
};

template <class From>
void CopyBlock(const std::vector<From>& from, int64_t first, int64_t count, std::vector<From>& to,
               int64_t at) {
  ASSERT_LE(first + count, std::ssize(from));
  ASSERT_LE(at + count, std::ssize(to));
  std::copy_n(from.begin() + first, count, to.begin() + at);
}

// An exchange of rows of T by one kind of bases.
template <class T>
class ExchangeOnDevice {
 public:
  ExchangeOnDevice(const ExchangeCase& c, Bases kind, const TestStream& stream)
      : case_(c), kind_(kind), stream_(stream) {}

  // y of all homes.
  std::vector<float> Run() {
    for (int h = 0; h < case_.ranks(); ++h) Send(h);
    for (const auto& outbox : outboxes_) {
      returned_.emplace_back(outbox.bases.back().returns * kHidden);
    }
    for (int r = 0; r < case_.ranks(); ++r) Serve(r);
    std::vector<float> all;
    for (int h = 0; h < case_.ranks(); ++h) {
      const std::vector<float> y = CombineAt(h);
      all.insert(all.end(), y.begin(), y.end());
    }
    return all;
  }

 private:
  void Send(int h) {
    const HomeCase& home = case_.homes[h];
    devices_.push_back(std::make_unique<DeviceHome>(home, kind_, stream_));
    const DeviceHome& device = *devices_.back();
    device.Plan(stream_);
    const DeviceArray<float> x(case_.x[h], stream_);
    const int64_t room = home.Room(kind_).tokens;
    const DeviceArray<T> rows(room * kHidden);
    EXPECT_EQ(
        GatherMessages(ViewOf(x, home.capacity(), kHidden, kHidden), device.routing,
                       device.send_row_of.data(), ViewOf(rows, room, kHidden, kHidden), stream_),
        cudaSuccess);
    outboxes_.push_back({device.sizes.Read(stream_), device.bases.Read(stream_),
                         device.pairs.Read(stream_), rows.Read(stream_)});
  }

  // On the device, from what all homes send to the rank.
  std::vector<MessageSize> BasesAt(int rank, Bases kind) const {
    std::vector<MessageSize> sizes;
    for (const auto& outbox : outboxes_) sizes.push_back(outbox.sizes[rank]);
    const DeviceArray<MessageSize> in(sizes, stream_), out(case_.ranks() + 1);
    EXPECT_EQ(kind == Bases::kExact
                  ? ExactBases(in.data(), case_.ranks(), out.data(), stream_)
                  : CapacityBases(case_.LargestSize(), case_.ranks(), out.data(), stream_),
              cudaSuccess);
    return out.Read(stream_);
  }

  // Gets what is sent to the rank, computes the outputs and sends the sums back.
  void Serve(int rank) {
    const std::vector<MessageSize> starts = BasesAt(rank, Bases::kExact);
    const std::vector<MessageSize> bases = BasesAt(rank, kind_);
    std::vector<T> rows(bases.back().tokens * kHidden);
    std::vector<DevicePair> pairs(bases.back().pairs);
    for (int h = 0; h < case_.ranks(); ++h) {
      const Outbox<T>& from = outboxes_[h];
      const MessageSize& size = from.sizes[rank];
      CopyBlock(from.rows, from.bases[rank].tokens * kHidden, size.tokens * kHidden, rows,
                bases[h].tokens * kHidden);
      CopyBlock(from.pairs, from.bases[rank].pairs, size.pairs, pairs, bases[h].pairs);
    }
    const DeviceArray<MessageSize> start_array(starts, stream_), base_array(bases, stream_);
    const DeviceArray<DevicePair> pair_array(pairs, stream_);
    const std::vector<float> sums = Sums(rank, rows, starts.back(), bases.back().returns,
                                         {case_.ranks(), case_.homes[0].topk(), start_array.data(),
                                          base_array.data(), pair_array.data()},
                                         std::ssize(pairs));
    for (int h = 0; h < case_.ranks(); ++h) {
      CopyBlock(sums, bases[h].returns * kHidden, outboxes_[h].sizes[rank].returns * kHidden,
                returned_[h], outboxes_[h].bases[rank].returns * kHidden);
    }
  }

  // The rows that go back from the rank.
  std::vector<float> Sums(int rank, const std::vector<T>& x, const MessageSize& sum,
                          int64_t room_of_returns, const ArrivedPairs& arrived,
                          int64_t room_of_pairs) const {
    const std::vector<int> experts = case_.LocalExperts(rank);
    const auto num_local = static_cast<int>(experts.size());
    std::vector<int32_t> local_of(case_.homes[0].experts, -1);
    for (int i = 0; i < num_local; ++i) local_of[experts[i]] = i;
    const DeviceArray<int32_t> local(local_of, stream_), offsets(num_local + 1), rows(sum.pairs),
        output_of(room_of_pairs), num_tiles(1), counts(num_local);
    const DeviceArray<ExpertTile> tiles(MostTiles(sum.pairs, num_local, 16));
    const DeviceArray<DeviceReturn> returns(sum.returns);
    const DeviceExpertPlan plan = {16,           offsets.data(),   rows.data(),    output_of.data(),
                                   tiles.data(), num_tiles.data(), returns.data(), counts.data()};
    EXPECT_EQ(PlanExperts(arrived, {num_local, local.data()}, plan, stream_), cudaSuccess);
    const DeviceArray<float> outputs(Outputs(experts, offsets.Read(stream_), rows.Read(stream_), x),
                                     stream_);
    const DeviceArray<float> y(room_of_returns * kHidden);
    EXPECT_EQ(SumReturns(ViewOf(outputs, sum.pairs, kHidden, kHidden), arrived, plan,
                         ViewOf(y, room_of_returns, kHidden, kHidden), stream_),
              cudaSuccess);
    return y.Read(stream_);
  }

  static std::vector<float> Outputs(const std::vector<int>& experts,
                                    const std::vector<int32_t>& offsets,
                                    const std::vector<int32_t>& rows, const std::vector<T>& x) {
    std::vector<float> outputs;
    for (size_t e = 0; e < experts.size(); ++e) {
      for (int32_t i = offsets[e]; i < offsets[e + 1]; ++i) {
        for (int64_t c = 0; c < kHidden; ++c) {
          outputs.push_back(Output(experts[e], ToFloat(x[rows[i] * kHidden + c]), c));
        }
      }
    }
    return outputs;
  }

  std::vector<float> CombineAt(int h) const {
    const HomeCase& home = case_.homes[h];
    const DeviceHome& device = *devices_[h];
    const DeviceArray<float> returned(returned_[h], stream_), y(home.capacity() * kHidden);
    const int64_t room = outboxes_[h].bases.back().returns;
    EXPECT_EQ(
        Combine(ViewOf(returned, room, kHidden, kHidden), device.routing.num_tokens, home.topk(),
                device.return_of.data(), ViewOf(y, home.capacity(), kHidden, kHidden), stream_),
        cudaSuccess);
    return y.Read(stream_);
  }

  const ExchangeCase& case_;
  const Bases kind_;
  const TestStream& stream_;
  std::vector<std::unique_ptr<DeviceHome>> devices_;  // [homes]
  std::vector<Outbox<T>> outboxes_;                   // [homes]
  std::vector<std::vector<float>> returned_;          // [homes]
};

template <class T>
Compute OnDevice(const ExchangeCase& c, Bases kind) {
  return [c, kind](const TestStream& stream) { return ExchangeOnDevice<T>(c, kind, stream).Run(); };
}

float Rounded(float x, float) { return x; }
float Rounded(float x, BF16) { return ToFloat(ToBF16(x)); }

// The sum over the slots of each token, in their order; 0 where no token is.
template <class T>
std::vector<float> ExpectedSums(const ExchangeCase& c) {
  std::vector<float> all;
  for (int h = 0; h < c.ranks(); ++h) {
    const Routing& routing = c.homes[h].routing;
    for (int64_t i = 0; i < c.homes[h].capacity() * kHidden; ++i) {
      const int64_t token = i / kHidden;
      float sum = token < routing.num_tokens ? -0.0F : 0.0F;
      for (int s = 0; token < routing.num_tokens && s < routing.topk; ++s) {
        const int64_t pair = token * routing.topk + s;
        const float x = Rounded(c.x[h][i], T{});
        sum += routing.topk_weights[pair] * Output(routing.topk_idx[pair], x, i % kHidden);
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
  for (const int ranks : {1, 2, 3, 8}) {
    for (const int topk : {1, 2, 8}) {
      SCOPED_TRACE(testing::Message() << ranks << ", " << topk);
      for (const int64_t num_tokens : {0, 1, 5}) ExpectSums<BF16>({ranks, num_tokens, topk});
      ExpectSums<float>({ranks, 6, topk});
    }
  }
  ExpectSums<BF16>({2, 100, 2});
  ExpectSums<BF16>({1, 1500, 2});  // more returns than SumReturns has blocks
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
  c.x[0][kHidden] = std::numeric_limits<float>::infinity();
  c.x[1][kHidden + 1] = -std::numeric_limits<float>::infinity();
  for (int h = 0; h < 3; ++h) c.x[h][2 * kHidden] = -0.0F;
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
  for (int h = 0; h < 3; ++h) one.x[h].resize(one.homes[h].capacity() * kHidden);
  std::copy_n(many.x[0].begin() + kToken * kHidden, kHidden, one.x[0].begin());
  const std::vector<float> all = ComputeWith(1, OnDevice<BF16>(many, Bases::kCapacity));
  const std::vector<float> alone = ComputeWith(4, OnDevice<BF16>(one, Bases::kExact));
  EXPECT_TRUE(
      HaveTheSameBits({alone.begin(), alone.begin() + kHidden},
                      {all.begin() + kToken * kHidden, all.begin() + (kToken + 1) * kHidden}));
}

}  // namespace
}  // namespace octet::cuda
