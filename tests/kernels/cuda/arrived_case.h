// What has come to a rank of an exchange, and the plan of its experts on the emulated device, for
// tests.

#ifndef OCTET_TESTS_KERNELS_CUDA_ARRIVED_CASE_H_
#define OCTET_TESTS_KERNELS_CUDA_ARRIVED_CASE_H_

#include <algorithm>
#include <limits>
#include <set>
#include <vector>

#include "kernels/cuda/expert_plan.h"
#include "parallel/dispatch/expert_plan.h"
#include "tests/kernels/cuda/exchange_case.h"

namespace octet::cuda {

// What a rank has got from its homes.
struct ArrivedCase {
  int experts;
  int topk;
  std::vector<int> local_experts;
  std::vector<std::vector<RoutedPair>> pairs;  // [homes]
  std::vector<MessageSize> sizes;              // [homes]
  Bases kind;
  MessageSize room;  // of each home in blocks of equal room
  int64_t tile_rows = 16;

  int homes() const { return static_cast<int>(pairs.size()); }

  // What `homes` send to `rank`.
  ArrivedCase(const std::vector<HomeCase>& homes, int rank, Bases bases_kind)
      : experts(homes[0].experts), topk(homes[0].topk()), kind(bases_kind), room{} {
    std::set<int> local;
    for (const HomeCase& home : homes) {
      const SendPlan plan = home.HostPlan();
      pairs.emplace_back();
      sizes.push_back({});
      for (const SendPlan::Host& host : plan.hosts) {
        if (host.host == rank) sizes.back().tokens = host.num_tokens;
      }
      for (const OwnerPairs& owner : plan.owners) {
        if (owner.rank != rank) continue;
        const auto first = plan.pairs.begin() + owner.first_pair;
        pairs.back().assign(first, first + owner.num_pairs);
        sizes.back().pairs = owner.num_pairs;
        sizes.back().returns = owner.num_returns;
      }
      for (int e = 0; e < experts; ++e) {
        if (home.owner_of[e] == rank) local.insert(e);
      }
      const MessageSize most = home.LargestSize();
      room = {std::max(room.tokens, most.tokens), std::max(room.pairs, most.pairs),
              std::max(room.returns, most.returns)};
    }
    local_experts.assign(local.begin(), local.end());
  }

  std::vector<MessageSize> Starts() const { return Sums(sizes); }
  std::vector<MessageSize> BlockBases() const {
    return kind == Bases::kExact ? Starts() : Sums(std::vector<MessageSize>(homes(), room));
  }

  // As they lie on the device.
  std::vector<DevicePair> PairsInBlocks() const {
    const std::vector<MessageSize> bases = BlockBases();
    std::vector<DevicePair> blocks(bases.back().pairs,
                                   {-1, std::numeric_limits<int32_t>::max(), 0});
    for (int h = 0; h < homes(); ++h) {
      for (size_t j = 0; j < pairs[h].size(); ++j) {
        blocks[bases[h].pairs + j] = {pairs[h][j].row, pairs[h][j].expert, pairs[h][j].weight};
      }
    }
    return blocks;
  }

  std::vector<int32_t> LocalOf() const {
    std::vector<int32_t> local_of(experts, -1);
    for (size_t i = 0; i < local_experts.size(); ++i) {
      local_of[local_experts[i]] = static_cast<int32_t>(i);
    }
    return local_of;
  }

  ExpertPlan HostPlan() const {
    const std::vector<MessageSize> bases = BlockBases();
    std::vector<IncomingPairs> incoming(homes());
    for (int h = 0; h < homes(); ++h) {
      incoming[h] = {pairs[h], bases[h].tokens, bases[h].returns};
    }
    return PlanExperts(incoming, local_experts, experts, topk);
  }

 private:
  static std::vector<MessageSize> Sums(const std::vector<MessageSize>& of) {
    std::vector<MessageSize> sums(1);
    for (const MessageSize& size : of) {
      const MessageSize& sum = sums.back();
      sums.push_back(
          {sum.tokens + size.tokens, sum.pairs + size.pairs, sum.returns + size.returns});
    }
    return sums;
  }
};

// A plan on the device, and what it was made from.
struct DevicePlan {
  DevicePlan(const ArrivedCase& c, const cuda_emu::TestStream& stream)
      : num_local(static_cast<int>(c.local_experts.size())),
        num_pairs(c.Starts().back().pairs),
        max_tiles(MostTiles(num_pairs, num_local, c.tile_rows)),
        starts(c.Starts(), stream),
        bases(c.BlockBases(), stream),
        pairs(c.PairsInBlocks(), stream),
        local_of(c.LocalOf(), stream),
        offsets(num_local + 1),
        rows(num_pairs),
        output_of(c.BlockBases().back().pairs),
        num_tiles(1),
        counts(num_local),
        tiles(max_tiles),
        returns(c.Starts().back().returns),
        arrived{c.homes(), c.topk, starts.data(), bases.data(), pairs.data()},
        experts{num_local, local_of.data()},
        plan{c.tile_rows,  max_tiles,        offsets.data(), rows.data(),  output_of.data(),
             tiles.data(), num_tiles.data(), returns.data(), counts.data()} {}

  int num_local;
  int64_t num_pairs;
  int64_t max_tiles;
  cuda_emu::DeviceArray<MessageSize> starts, bases;
  cuda_emu::DeviceArray<DevicePair> pairs;
  cuda_emu::DeviceArray<int32_t> local_of, offsets, rows, output_of, num_tiles, counts;
  cuda_emu::DeviceArray<ExpertTile> tiles;
  cuda_emu::DeviceArray<DeviceReturn> returns;
  ArrivedPairs arrived;
  LocalExperts experts;
  DeviceExpertPlan plan;
};

}  // namespace octet::cuda

#endif  // OCTET_TESTS_KERNELS_CUDA_ARRIVED_CASE_H_
