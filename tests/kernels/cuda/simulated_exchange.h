// An exchange among ranks that are all on one emulated device. What NCCL would move between them,
// it copies block by block.

#ifndef OCTET_TESTS_KERNELS_CUDA_SIMULATED_EXCHANGE_H_
#define OCTET_TESTS_KERNELS_CUDA_SIMULATED_EXCHANGE_H_

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <vector>

#include "kernels/cuda/exchange_rows.h"
#include "tests/kernels/cuda/exchange_case.h"

namespace octet::cuda {

// The tokens of all homes.
struct ExchangeCase {
  int64_t hidden;
  std::vector<HomeCase> homes;
  std::vector<std::vector<float>> x;  // [homes] each [capacity, hidden]

  ExchangeCase(int ranks, int64_t num_tokens, int topk, int64_t cols = 37) : hidden(cols) {
    const int experts = std::max({8, topk + 1, ranks});
    for (int h = 0; h < ranks; ++h) {
      const int64_t tokens = h % 3 == 1 ? num_tokens / 4 : num_tokens;
      homes.push_back({ranks, experts, EvenOwners(ranks, experts, h % 2),
                       DrawRouting(tokens, experts, topk, static_cast<uint32_t>(h + topk))});
      x.push_back(
          cuda_emu::NormalNumbers(homes.back().capacity() * hidden, static_cast<uint32_t>(h + 1)));
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

// What the experts of a rank are to compute.
template <class T>
struct ExpertWork {
  std::vector<int> experts;  // of the rank, ascending
  int64_t hidden;
  int64_t num_rows;
  int64_t max_tiles;
  const cuda_emu::DeviceArray<T>& x;
  const cuda_emu::DeviceArray<int32_t>& offsets;
  const cuda_emu::DeviceArray<int32_t>& rows;
  DeviceExpertPlan plan;
};

// [num_rows, hidden]
template <class T>
using Experts =
    std::function<std::vector<float>(const ExpertWork<T>& work, const cuda_emu::TestStream&)>;

// An exchange of rows of T by one kind of bases.
template <class T>
class ExchangeOnDevice {
 public:
  ExchangeOnDevice(const ExchangeCase& c, Bases kind, const Experts<T>& experts,
                   const cuda_emu::TestStream& stream)
      : case_(c), hidden_(c.hidden), kind_(kind), experts_(experts), stream_(stream) {}

  // y of all homes.
  std::vector<float> Run() {
    for (int h = 0; h < case_.ranks(); ++h) Send(h);
    for (const auto& outbox : outboxes_) {
      returned_.emplace_back(outbox.bases.back().returns * hidden_);
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
    const cuda_emu::DeviceArray<float> x(case_.x[h], stream_);
    const int64_t room = home.Room(kind_).tokens;
    const cuda_emu::DeviceArray<T> rows(room * hidden_);
    EXPECT_EQ(GatherMessages(cuda_emu::ViewOf(x, home.capacity(), hidden_, hidden_),
                             device.routing.num_tokens, home.topk(), device.send_row_of.data(),
                             cuda_emu::ViewOf(rows, room, hidden_, hidden_), stream_),
              cudaSuccess);
    outboxes_.push_back({device.sizes.Read(stream_), device.bases.Read(stream_),
                         device.pairs.Read(stream_), rows.Read(stream_)});
  }

  // On the device, from what all homes send to the rank.
  std::vector<MessageSize> BasesAt(int rank, Bases kind) const {
    std::vector<MessageSize> sizes;
    for (const auto& outbox : outboxes_) sizes.push_back(outbox.sizes[rank]);
    const cuda_emu::DeviceArray<MessageSize> in(sizes, stream_), out(case_.ranks() + 1);
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
    std::vector<T> rows(bases.back().tokens * hidden_);
    std::vector<DevicePair> pairs(bases.back().pairs);
    for (int h = 0; h < case_.ranks(); ++h) {
      const Outbox<T>& from = outboxes_[h];
      const MessageSize& size = from.sizes[rank];
      CopyBlock(from.rows, from.bases[rank].tokens * hidden_, size.tokens * hidden_, rows,
                bases[h].tokens * hidden_);
      CopyBlock(from.pairs, from.bases[rank].pairs, size.pairs, pairs, bases[h].pairs);
    }
    const cuda_emu::DeviceArray<MessageSize> start_array(starts, stream_),
        base_array(bases, stream_);
    const cuda_emu::DeviceArray<DevicePair> pair_array(pairs, stream_);
    const std::vector<float> sums = Sums(rank, rows, starts.back(), bases.back().returns,
                                         {case_.ranks(), case_.homes[0].topk(), start_array.data(),
                                          base_array.data(), pair_array.data()},
                                         std::ssize(pairs));
    for (int h = 0; h < case_.ranks(); ++h) {
      CopyBlock(sums, bases[h].returns * hidden_, outboxes_[h].sizes[rank].returns * hidden_,
                returned_[h], outboxes_[h].bases[rank].returns * hidden_);
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
    const cuda_emu::DeviceArray<int32_t> local(local_of, stream_), offsets(num_local + 1),
        rows(sum.pairs), output_of(room_of_pairs), num_tiles(1), counts(num_local);
    const int64_t max_tiles = MostTiles(sum.pairs, num_local, 16);
    const cuda_emu::DeviceArray<ExpertTile> tiles(max_tiles);
    const cuda_emu::DeviceArray<DeviceReturn> returns(sum.returns);
    const DeviceExpertPlan plan = {
        16,           max_tiles,        offsets.data(), rows.data(),  output_of.data(),
        tiles.data(), num_tiles.data(), returns.data(), counts.data()};
    EXPECT_EQ(PlanExperts(arrived, {num_local, local.data()}, plan, stream_), cudaSuccess);
    const cuda_emu::DeviceArray<T> x_array(x, stream_);
    const ExpertWork<T> work = {experts, hidden_, sum.pairs, max_tiles,
                                x_array, offsets, rows,      plan};
    const cuda_emu::DeviceArray<float> outputs(experts_(work, stream_), stream_);
    const cuda_emu::DeviceArray<float> y(room_of_returns * hidden_);
    EXPECT_EQ(SumReturns(cuda_emu::ViewOf(outputs, sum.pairs, hidden_, hidden_), arrived, plan,
                         cuda_emu::ViewOf(y, room_of_returns, hidden_, hidden_), stream_),
              cudaSuccess);
    return y.Read(stream_);
  }

  std::vector<float> CombineAt(int h) const {
    const HomeCase& home = case_.homes[h];
    const DeviceHome& device = *devices_[h];
    const cuda_emu::DeviceArray<float> returned(returned_[h], stream_),
        y(home.capacity() * hidden_);
    const int64_t room = outboxes_[h].bases.back().returns;
    EXPECT_EQ(Combine(cuda_emu::ViewOf(returned, room, hidden_, hidden_), device.routing.num_tokens,
                      home.topk(), device.return_of.data(),
                      cuda_emu::ViewOf(y, home.capacity(), hidden_, hidden_), stream_),
              cudaSuccess);
    return y.Read(stream_);
  }

  const ExchangeCase& case_;
  const int64_t hidden_;
  const Bases kind_;
  const Experts<T>& experts_;
  const cuda_emu::TestStream& stream_;
  std::vector<std::unique_ptr<DeviceHome>> devices_;  // [homes]
  std::vector<Outbox<T>> outboxes_;                   // [homes]
  std::vector<std::vector<float>> returned_;          // [homes]
};

}  // namespace octet::cuda

#endif  // OCTET_TESTS_KERNELS_CUDA_SIMULATED_EXCHANGE_H_
