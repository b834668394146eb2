// Homes with tokens, for tests of the exchange on the emulated device.

#ifndef OCTET_TESTS_KERNELS_CUDA_EXCHANGE_CASE_H_
#define OCTET_TESTS_KERNELS_CUDA_EXCHANGE_CASE_H_

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "kernels/cuda/exchange_plan.h"
#include "parallel/dispatch/routing.h"
#include "parallel/dispatch/send_plan.h"
#include "tests/cuda_emu/emulated_device.h"

namespace octet::cuda {

enum class Bases { kExact, kCapacity };

inline bool operator==(const MessageSize& a, const MessageSize& b) {
  return a.tokens == b.tokens && a.pairs == b.pairs && a.returns == b.returns;
}

// Values as floats that are equal if, and only if, their bits are.
template <class T>
void AppendBits(const std::vector<T>& values, std::vector<float>& floats) {
  std::vector<uint16_t> words(values.size() * sizeof(T) / sizeof(uint16_t));
  if (!words.empty()) std::memcpy(words.data(), values.data(), values.size() * sizeof(T));
  floats.insert(floats.end(), words.begin(), words.end());
}

// The first `count` values of what is left of `floats`.
template <class T>
std::vector<T> TakeBits(int64_t count, std::span<const float>& floats) {
  const size_t num_words = count * sizeof(T) / sizeof(uint16_t);
  const std::vector<uint16_t> words(floats.begin(), floats.begin() + num_words);
  floats = floats.subspan(num_words);
  std::vector<T> values(count);
  if (count > 0) std::memcpy(values.data(), words.data(), count * sizeof(T));
  return values;
}

// The result with seed 1. The bits are the same with every other seed. For kernels that number by
// SumRuns (block_scan.h): without its barrier they write anywhere. That it is needed is shown by
// the kernels that only count by it.
inline std::vector<float> ExpectAnyOrder(const cuda_emu::Compute& compute) {
  std::vector<float> result = cuda_emu::ComputeWith(1, compute);
  EXPECT_THAT(cuda_emu::Emulation::Device().faults(), testing::IsEmpty());
  EXPECT_LE(cuda_emu::Emulation::Device().sites().size(), 1U);
  for (uint64_t seed = 2; seed <= cuda_emu::kOrders; ++seed) {
    EXPECT_EQ(cuda_emu::ComputeWith(seed, compute), result) << seed;
  }
  return result;
}

// A home whose tokens leave room for others, as in a padded batch.
struct HomeCase {
  int ranks;
  int experts;
  std::vector<int32_t> owner_of;  // [experts]
  Routing routing;                // of the tokens that are there

  int topk() const { return routing.topk; }
  int64_t num_tokens() const { return routing.num_tokens; }
  int64_t capacity() const { return num_tokens() + 3; }
  MessageSize LargestSize() const {
    return LargestMessage(static_cast<int32_t>(capacity()), topk());
  }

  // Rooms for all that leaves and comes back.
  MessageSize Room(Bases kind) const {
    const MessageSize most = LargestSize();
    if (kind == Bases::kCapacity) {
      return {ranks * most.tokens, ranks * most.pairs, ranks * most.returns};
    }
    const auto pairs = static_cast<int32_t>(num_tokens() * topk());
    return {pairs, pairs, pairs};
  }

  // For each token and slot.
  std::vector<int32_t> Owners() const {
    std::vector<int32_t> owners;
    for (const int32_t expert : routing.topk_idx) owners.push_back(owner_of[expert]);
    return owners;
  }

  // The plan of the host. There the home is one rank more, for which all these are other hosts.
  SendPlan HostPlan() const {
    std::vector<std::string> names;
    for (int r = 0; r <= ranks; ++r) names.push_back(std::to_string(r));
    return PlanSend(routing, Owners(), ranks, HostTopology(names));
  }
};

inline Routing DrawRouting(int64_t num_tokens, int experts, int topk, uint32_t seed) {
  std::mt19937 random(seed);
  Routing routing = {.num_tokens = num_tokens, .topk = topk};
  std::vector<int32_t> order(experts);
  std::iota(order.begin(), order.end(), 0);
  for (int64_t t = 0; t < num_tokens; ++t) {
    // Neighbours stand for tokens whose experts one rank has.
    if (random() % 2 == 0) {
      std::shuffle(order.begin(), order.end(), random);
    } else {
      std::rotate(order.begin(), order.begin() + 1, order.end());
    }
    for (int slot = 0; slot < topk; ++slot) {
      routing.topk_idx.push_back(order[slot]);
      routing.topk_weights.push_back(static_cast<float>(1 + random() % 1000) / 1000);
    }
  }
  return routing;
}

// Experts lie rank by rank, and this home begins with another rank.
inline std::vector<int32_t> EvenOwners(int ranks, int experts, int home) {
  std::vector<int32_t> owner_of(experts);
  for (int e = 0; e < experts; ++e) owner_of[e] = (e * ranks / experts + home) % ranks;
  return owner_of;
}

// A home on the device, and its plan.
class DeviceHome {
 public:
  DeviceHome(const HomeCase& home, Bases kind, const cuda_emu::TestStream& stream)
      : kind_(kind),
        largest_(home.LargestSize()),
        num_tokens_({static_cast<int32_t>(home.num_tokens())}, stream),
        topk_idx_(Padded(home.routing.topk_idx, home, std::numeric_limits<int32_t>::max()), stream),
        topk_weights_(Padded(home.routing.topk_weights, home, -1.0F), stream),
        owner_of_(home.owner_of, stream),
        sizes(home.ranks),
        bases(home.ranks + 1),
        pairs(home.Room(kind).pairs),
        send_row_of(home.capacity() * home.topk()),
        return_of(home.capacity() * home.topk()),
        routing{num_tokens_.data(),   home.topk(),      topk_idx_.data(),
                topk_weights_.data(), owner_of_.data(), home.ranks} {}

  void Plan(const cuda_emu::TestStream& stream) const {
    if (kind_ == Bases::kExact) {
      EXPECT_EQ(CountSends(routing, sizes.data(), stream), cudaSuccess);
      EXPECT_EQ(ExactBases(sizes.data(), routing.num_ranks, bases.data(), stream), cudaSuccess);
    } else {
      EXPECT_EQ(CapacityBases(largest_, routing.num_ranks, bases.data(), stream), cudaSuccess);
    }
    const DeviceSendPlan plan = {bases.data(), sizes.data(), pairs.data(), send_row_of.data(),
                                 return_of.data()};
    EXPECT_EQ(PlanSends(routing, plan, stream), cudaSuccess);
  }

 private:
  // What the rows after the last token hold must not be read.
  template <class T>
  static std::vector<T> Padded(std::vector<T> values, const HomeCase& home, T padding) {
    values.resize(home.capacity() * home.topk(), padding);
    return values;
  }

  Bases kind_;
  MessageSize largest_;
  cuda_emu::DeviceArray<int32_t> num_tokens_;
  cuda_emu::DeviceArray<int32_t> topk_idx_;
  cuda_emu::DeviceArray<float> topk_weights_;
  cuda_emu::DeviceArray<int32_t> owner_of_;

 public:
  const cuda_emu::DeviceArray<MessageSize> sizes, bases;
  const cuda_emu::DeviceArray<DevicePair> pairs;
  const cuda_emu::DeviceArray<int32_t> send_row_of, return_of;
  const HomeRouting routing;
};

}  // namespace octet::cuda

#endif  // OCTET_TESTS_KERNELS_CUDA_EXCHANGE_CASE_H_
