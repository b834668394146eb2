#include "parallel/dispatch/host_board.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/base/check.h"

namespace octet {
namespace {

// A layout that hands out parts of memory one after the other, each on cache lines of its own.
class Layout {
 public:
  size_t Take(size_t bytes) {
    const size_t at = end_;
    end_ += (bytes + kLine - 1) / kLine * kLine;
    return at;
  }
  size_t end() const { return end_; }

 private:
  static constexpr size_t kLine = 64;
  size_t end_ = 0;
};

template <class T>
size_t ListBytes(int64_t most) {
  return sizeof(int64_t) + static_cast<size_t>(most) * sizeof(T);
}

}  // namespace

HostBoard::HostBoard(const HostTopology& hosts, int rank, const DispatchLimits& limits,
                     int num_experts)
    : num_ranks_(static_cast<int>(hosts.ranks_of(hosts.host_of(rank)).size())),
      num_experts_(num_experts),
      max_tokens_(limits.max_tokens),
      max_pairs_(limits.max_pairs()) {
  const int64_t others = hosts.num_ranks() - num_ranks_;
  const int64_t arriving_pairs = limits.pairs_at_a_time(others);
  tokens_of_each_ = max_tokens_ + limits.tokens_at_a_time(others);
  returns_of_each_ = max_pairs_ + arriving_pairs;
  OCTET_CHECK(num_ranks_ * returns_of_each_ <= std::numeric_limits<int32_t>::max());
  letter_room_ = arriving_pairs * (sizeof(OwnerPairs) + sizeof(RoutedPair));  // an owner for each

  Layout part;
  part.Take(sizeof(Flags));
  for (size_t& owners : owners_) owners = part.Take(ListBytes<OwnerPairs>(num_ranks_));
  pairs_ = part.Take(max_pairs_ * sizeof(RoutedPair));
  outgoing_ = part.Take(ListBytes<Parcel>(std::min<int64_t>(hosts.num_hosts() - 1, max_pairs_)));
  letters_ = part.Take(letter_room_);
  part_bytes_ = part.end();

  Layout whole;
  whole.Take(num_ranks_ * part_bytes_);
  incoming_ = whole.Take(ListBytes<Parcel>(others));
  expert_counts_ = whole.Take(static_cast<size_t>(num_ranks_) * num_experts * sizeof(int32_t));
  const auto matrix = [&](Matrix& m, DType dtype, int64_t rows) {
    m = {.dtype = dtype, .rows = rows, .cols = limits.hidden_size, .stride = limits.hidden_size};
    return whole.Take(static_cast<size_t>(rows) * m.row_bytes());
  };
  tokens_at_ = matrix(tokens_, limits.dtype, num_ranks_ * tokens_of_each_);
  returns_at_ = matrix(returns_, DType::kF32, num_ranks_ * returns_of_each_);
  bytes_ = whole.end();
}

void HostBoard::Map(std::byte* memory) {
  memory_ = memory;
  tokens_.data = memory + tokens_at_;
  returns_.data = memory + returns_at_;
}

HostBoard::Flags& HostBoard::flags(int index) const {
  return *reinterpret_cast<Flags*>(part(index));
}

std::span<int32_t> HostBoard::expert_counts() const {
  return {reinterpret_cast<int32_t*>(memory_ + expert_counts_),
          static_cast<size_t>(num_ranks_) * num_experts_};
}

int HostBoard::CountStaged(int64_t exchange) const {
  int staged = 0;
  for (int i = 0; i < num_ranks_; ++i) staged += HasStaged(i, exchange) ? 1 : 0;
  return staged;
}

template <class T>
void HostBoard::Write(std::byte* at, std::span<const T> from) {
  const int64_t count = std::ssize(from);
  std::memcpy(at, &count, sizeof(count));
  if (count > 0) std::memcpy(at + sizeof(count), from.data(), from.size_bytes());
}

template <class T>
std::span<const T> HostBoard::Read(const std::byte* at) {
  int64_t count = 0;
  std::memcpy(&count, at, sizeof(count));
  return {reinterpret_cast<const T*>(at + sizeof(count)), static_cast<size_t>(count)};
}

void HostBoard::WriteLetter(int index, int64_t exchange, const Letter& letter) const {
  Write(part(index) + owners_[exchange % 2], letter.owners);
  std::ranges::copy(letter.pairs, reinterpret_cast<RoutedPair*>(part(index) + pairs_));
}

Letter HostBoard::ReadLetter(int index, int64_t exchange) const {
  return Letter::Of(Read<OwnerPairs>(part(index) + owners_[exchange % 2]),
                    reinterpret_cast<const RoutedPair*>(part(index) + pairs_));
}

void HostBoard::WriteOutgoing(int index, std::span<const Parcel> parcels) const {
  Write(part(index) + outgoing_, parcels);
}

std::span<const Parcel> HostBoard::outgoing(int index) const {
  return Read<Parcel>(part(index) + outgoing_);
}

void HostBoard::WriteIncoming(std::span<const Parcel> parcels) const {
  Write(memory_ + incoming_, parcels);
}

std::span<const Parcel> HostBoard::incoming() const { return Read<Parcel>(memory_ + incoming_); }

std::span<std::byte> HostBoard::letter_room(int index) const {
  return {part(index) + letters_, letter_room_};
}

}  // namespace octet
