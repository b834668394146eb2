#include "parallel/transport/collectives.h"

#include <algorithm>
#include <cstring>

#include "kernels/base/check.h"

namespace octet {
namespace {

// A message of up to this size needs one exchange, a longer one two.
constexpr size_t kFirstPart = 4096;
constexpr size_t kHeader = sizeof(uint64_t);

ConstBytes View(std::string_view s) { return std::as_bytes(std::span(s)); }
Bytes Room(std::string& s) { return std::as_writable_bytes(std::span(s)); }

}  // namespace

Messenger::Messenger(Communicator& comm)
    : comm_(comm),
      to_(comm.size()),
      from_(comm.size()),
      frames_out_(comm.size()),
      frames_in_(comm.size()),
      received_(comm.size()),
      send_(comm.size()),
      recv_(comm.size()) {}

std::span<const std::string> Messenger::AllGather(Place place, std::string_view mine) {
  std::fill(to_.begin(), to_.end(), mine);
  std::fill(from_.begin(), from_.end(), true);
  return Exchange(place);
}

std::span<const std::string> Messenger::GatherToRoot(Place place, std::string_view mine) {
  std::fill(to_.begin(), to_.end(), std::nullopt);
  to_[0] = mine;
  std::fill(from_.begin(), from_.end(), comm_.rank() == 0);
  return Exchange(place);
}

const std::string& Messenger::ScatterFromRoot(Place place, std::span<const std::string> parts) {
  std::fill(to_.begin(), to_.end(), std::nullopt);
  if (comm_.rank() == 0) {
    OCTET_CHECK(std::ssize(parts) == comm_.size());
    std::copy(parts.begin(), parts.end(), to_.begin());
  }
  std::fill(from_.begin(), from_.end(), false);
  from_[0] = true;
  return Exchange(place)[0];
}

std::span<const std::string> Messenger::Exchange(Place place) {
  ExchangeFirstParts(place);
  ExchangeRest(place);
  return received_;
}

void Messenger::ExchangeFirstParts(Place place) {
  for (int r = 0; r < comm_.size(); ++r) {
    frames_out_[r].clear();
    if (to_[r]) {
      const uint64_t size = to_[r]->size();
      frames_out_[r].append(reinterpret_cast<const char*>(&size), kHeader);
      frames_out_[r].append(to_[r]->substr(0, kFirstPart));
    }
    frames_in_[r].resize(from_[r] ? kHeader + kFirstPart : 0);
    send_[r] = View(frames_out_[r]);
    recv_[r] = Room(frames_in_[r]);
  }
  comm_.AllToAll(Traffic::kControl, place, send_, recv_);
}

void Messenger::ExchangeRest(Place place) {
  for (int r = 0; r < comm_.size(); ++r) {
    send_[r] = to_[r] ? View(to_[r]->substr(std::min(to_[r]->size(), kFirstPart))) : ConstBytes();
    recv_[r] = {};
    received_[r].clear();
    if (!from_[r]) continue;
    uint64_t size = 0;
    std::memcpy(&size, frames_in_[r].data(), kHeader);
    received_[r].resize(size);
    const size_t first = std::min<size_t>(size, kFirstPart);
    std::memcpy(received_[r].data(), frames_in_[r].data() + kHeader, first);
    recv_[r] = Room(received_[r]).subspan(first);
  }
  comm_.AllToAll(Traffic::kControl, place, send_, recv_);
}

std::vector<std::string> AllGather(Communicator& comm, Place place, std::string_view mine) {
  Messenger messenger(comm);
  const auto received = messenger.AllGather(place, mine);
  return {received.begin(), received.end()};
}

std::vector<std::string> GatherToRoot(Communicator& comm, Place place, std::string_view mine) {
  Messenger messenger(comm);
  const auto received = messenger.GatherToRoot(place, mine);
  return {received.begin(), received.end()};
}

}  // namespace octet
