// The memory in which the ranks of a host see each other's tokens.

#ifndef OCTET_PARALLEL_DISPATCH_HOST_BOARD_H_
#define OCTET_PARALLEL_DISPATCH_HOST_BOARD_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/base/matrix.h"
#include "parallel/dispatch/dispatch_limits.h"
#include "parallel/dispatch/letter.h"
#include "parallel/transport/host_topology.h"

namespace octet {

// A layout of memory that the ranks of a host share. Each rank has a part that the others read.
// Only the rank itself writes its part; the others write only to its room for returns. Data is
// written before the flag that announces it.
//
// An `index` of a rank is its HostTopology::index_on_host. Exchanges are numbered in order, with a
// new number for each layer of each step.
class HostBoard {
 public:
  HostBoard() = default;

  // For the host of `rank`.
  HostBoard(const HostTopology& hosts, int rank, const DispatchLimits& limits, int num_experts);

  // Places the board in `memory`, which is zeroed and has bytes() bytes.
  void Map(std::byte* memory);
  size_t bytes() const { return bytes_; }

  int num_ranks() const { return num_ranks_; }

  // Returns a number that grows from round to round and from exchange to exchange.
  static int64_t AfterRounds(int64_t exchange, int rounds) {
    constexpr int64_t kMostRounds = int64_t{1} << 20;
    return exchange * kMostRounds + rounds;
  }

  struct Flags {
    alignas(64) std::atomic<int64_t> counted;    // exchange whose expert_counts can be read
    alignas(64) std::atomic<int64_t> staged;     // exchange whose tokens and letter can be read
    alignas(64) std::atomic<int64_t> announced;  // exchange whose incoming parcels can be read
    alignas(64) std::atomic<int64_t> arrived;    // AfterRounds that arrived from other hosts
    alignas(64) std::atomic<int64_t> consumed;   // AfterRounds that this rank's experts consumed
    alignas(64) std::atomic<int64_t> returned;   // exchange whose outputs are all returned
  };
  Flags& flags(int index) const;

  bool HasStaged(int index, int64_t exchange) const {
    return flags(index).staged.load(std::memory_order_acquire) >= exchange;
  }
  int CountStaged(int64_t exchange) const;  // returns the number of ranks that have

  // The number of (token, slot) pairs of each rank's own tokens for each expert: [ranks, experts].
  // Each rank writes its own row.
  std::span<int32_t> expert_counts() const;
  std::span<int32_t> expert_counts(int index) const {
    return expert_counts().subspan(int64_t{index} * num_experts_, num_experts_);
  }

  // The tokens in the dtype that experts read. For each rank: its own tokens, then its room for
  // tokens from other hosts.
  Matrix tokens() const { return tokens_; }
  int32_t own_tokens(int index) const { return static_cast<int32_t>(index * tokens_of_each_); }
  int32_t arriving_tokens(int index) const {
    return own_tokens(index) + static_cast<int32_t>(max_tokens_);
  }

  // The outputs of experts. For each rank: its room for the outputs that come back to it, then its
  // room for those that it sends to other hosts.
  Matrix returns() const { return returns_; }
  int32_t own_returns(int index) const { return static_cast<int32_t>(index * returns_of_each_); }
  int32_t leaving_returns(int index) const {
    return own_returns(index) + static_cast<int32_t>(max_pairs_);
  }

  // Writes and reads the letter of a rank to its own host. A new letter leaves the owners of the
  // one before in place, for ranks that have not looked at them yet. Its pairs have been used.
  void WriteLetter(int index, int64_t exchange, const Letter& letter) const;
  Letter ReadLetter(int index, int64_t exchange) const;

  // The parcels that a rank sends to other hosts, and those that come to this host.
  void WriteOutgoing(int index, std::span<const Parcel> parcels) const;
  std::span<const Parcel> outgoing(int index) const;
  void WriteIncoming(std::span<const Parcel> parcels) const;
  std::span<const Parcel> incoming() const;

  // The room for letters from other hosts.
  std::span<std::byte> letter_room(int index) const;

 private:
  // A list in memory is its length, and then its elements.
  template <class T>
  static void Write(std::byte* at, std::span<const T> from);
  template <class T>
  static std::span<const T> Read(const std::byte* at);

  std::byte* part(int index) const { return memory_ + index * part_bytes_; }

  int num_ranks_ = 0;
  int num_experts_ = 0;
  int64_t max_tokens_ = 0;
  int64_t max_pairs_ = 0;
  int64_t tokens_of_each_ = 0;
  int64_t returns_of_each_ = 0;
  size_t letter_room_ = 0;

  // The byte where each area begins, in the part of a rank or in the whole board.
  size_t owners_[2] = {};
  size_t pairs_ = 0;
  size_t outgoing_ = 0;
  size_t letters_ = 0;
  size_t part_bytes_ = 0;
  size_t incoming_ = 0;
  size_t expert_counts_ = 0;
  size_t tokens_at_ = 0;
  size_t returns_at_ = 0;
  size_t bytes_ = 0;

  std::byte* memory_ = nullptr;
  Matrix tokens_;
  Matrix returns_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_HOST_BOARD_H_
