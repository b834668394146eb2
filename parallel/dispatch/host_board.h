// Memory in which the ranks of a host see each other's tokens.

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

// Each rank of the host has a part that it alone writes, save its room for returns, and the others
// read. What a flag tells of was written before.
//
// Ranks are numbered by HostTopology::index_on_host, and exchanges one after the other, a new one
// for each layer of each step.
class HostBoard {
 public:
  HostBoard() = default;

  // For the host of `rank`.
  HostBoard(const HostTopology& hosts, int rank, const DispatchLimits& limits, int num_experts);

  // Lays it over zeroed memory of bytes().
  void Map(std::byte* memory);
  size_t bytes() const { return bytes_; }

  int num_ranks() const { return num_ranks_; }

  // A number that grows from round to round and from exchange to exchange.
  static int64_t AfterRounds(int64_t exchange, int rounds) {
    constexpr int64_t kMostRounds = int64_t{1} << 20;
    return exchange * kMostRounds + rounds;
  }

  struct Flags {
    alignas(64) std::atomic<int64_t> counted;    // exchange whose expert_counts are there
    alignas(64) std::atomic<int64_t> staged;     // exchange whose tokens and letter can be read
    alignas(64) std::atomic<int64_t> announced;  // exchange whose incoming parcels can be read
    alignas(64) std::atomic<int64_t> arrived;    // AfterRounds, of what comes from other hosts
    alignas(64) std::atomic<int64_t> consumed;   // AfterRounds, of this rank's experts
    alignas(64) std::atomic<int64_t> returned;   // exchange whose outputs are all returned
  };
  Flags& flags(int index) const;

  bool HasStaged(int index, int64_t exchange) const {
    return flags(index).staged.load(std::memory_order_acquire) >= exchange;
  }
  int CountStaged(int64_t exchange) const;  // of its ranks

  // (token, slot) pairs of each rank's own tokens for each expert: [ranks, experts]. Each rank
  // writes its own row.
  std::span<int32_t> expert_counts() const;
  std::span<int32_t> expert_counts(int index) const {
    return expert_counts().subspan(int64_t{index} * num_experts_, num_experts_);
  }

  // Tokens as experts read them: each rank's own, then its room for those from other hosts.
  Matrix tokens() const { return tokens_; }
  int32_t own_tokens(int index) const { return static_cast<int32_t>(index * tokens_of_each_); }
  int32_t arriving_tokens(int index) const {
    return own_tokens(index) + static_cast<int32_t>(max_tokens_);
  }

  // Outputs of experts: each rank's room for those that come back to it, then what it sends to
  // other hosts.
  Matrix returns() const { return returns_; }
  int32_t own_returns(int index) const { return static_cast<int32_t>(index * returns_of_each_); }
  int32_t leaving_returns(int index) const {
    return own_returns(index) + static_cast<int32_t>(max_pairs_);
  }

  // A rank's letter to its own host. Whom the one before it was for stays there, for those who have
  // not looked yet; its pairs have been used.
  void WriteLetter(int index, int64_t exchange, const Letter& letter) const;
  Letter ReadLetter(int index, int64_t exchange) const;

  // The parcels that a rank sends to other hosts, and those that come to this one.
  void WriteOutgoing(int index, std::span<const Parcel> parcels) const;
  std::span<const Parcel> outgoing(int index) const;
  void WriteIncoming(std::span<const Parcel> parcels) const;
  std::span<const Parcel> incoming() const;

  // Letters from other hosts come in here.
  std::span<std::byte> letter_room(int index) const;

 private:
  // Lists in memory: how many, and then they.
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

  // Where each begins, in the part of a rank or in the whole.
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
