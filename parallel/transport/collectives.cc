#include "parallel/transport/collectives.h"

#include <algorithm>
#include <cstring>

#include "kernels/base/check.h"

namespace octet {
namespace {

// A bundle for a neighbour needs one exchange up to this size, and two beyond.
constexpr size_t kFirstPart = 4096;
constexpr size_t kHeader = sizeof(uint64_t);

ConstBytes View(std::string_view s) { return std::as_bytes(std::span(s)); }
Bytes Room(std::string& s) { return std::as_writable_bytes(std::span(s)); }

void AppendLength(uint64_t length, std::string& to) {
  to.append(reinterpret_cast<const char*>(&length), kHeader);
}

void AppendMessage(std::string_view message, std::string& bundle) {
  AppendLength(message.size(), bundle);
  bundle.append(message);
}

uint64_t LengthAt(std::string_view bytes) {
  uint64_t length = 0;
  OCTET_CHECK(bytes.size() >= kHeader) << bytes.size() << " bytes";
  std::memcpy(&length, bytes.data(), kHeader);
  return length;
}

// Takes the first message off the bundle.
std::string_view TakeMessage(std::string_view& bundle) {
  const uint64_t length = LengthAt(bundle);
  OCTET_CHECK(length <= bundle.size() - kHeader) << length << " bytes";
  const std::string_view message = bundle.substr(kHeader, length);
  bundle.remove_prefix(kHeader + length);
  return message;
}

}  // namespace

Messenger::Messenger(Communicator& comm)
    : comm_(comm),
      tree_(HostTopology(comm.hosts()), comm.rank()),
      exchange_(comm.MakeExchange()),
      received_(comm.size()) {
  if (!tree_.is_root()) parent_.push_back({.rank = tree_.parent()});
  for (const RankTree::Child& child : tree_.children()) children_.push_back({.rank = child.rank});
}

std::span<const std::string> Messenger::AllGather(Place place, std::string_view mine) {
  const Activity::Scope scope(comm_.watchdog().activity(), place);
  Gather(place, mine);
  for (int level = 1; level < tree_.num_levels(); ++level) {
    if (level == tree_.level() + 1) {
      for (Neighbour& child : children_) child.out = bundle_;
    }
    MoveDown(place, level);
    if (level == tree_.level()) bundle_ = parent_[0].in;
  }
  ReadAll(bundle_);
  return received_;
}

std::span<const std::string> Messenger::GatherToRoot(Place place, std::string_view mine) {
  const Activity::Scope scope(comm_.watchdog().activity(), place);
  Gather(place, mine);
  if (tree_.is_root()) {
    ReadAll(bundle_);
  } else {
    for (std::string& text : received_) text.clear();
  }
  return received_;
}

const std::string& Messenger::ScatterFromRoot(Place place, std::span<const std::string> parts) {
  const Activity::Scope scope(comm_.watchdog().activity(), place);
  bundle_.clear();
  if (tree_.is_root()) {
    OCTET_CHECK(std::ssize(parts) == comm_.size());
    for (const int r : tree_.order()) AppendMessage(parts[r], bundle_);
  }
  std::string& mine = received_[comm_.rank()];
  for (int level = 1; level <= tree_.num_levels(); ++level) {
    if (level == tree_.level() + 1) {
      std::string_view left = bundle_;
      mine = TakeMessage(left);
      for (size_t i = 0; i < children_.size(); ++i) {
        std::string_view end = left;
        for (size_t n = tree_.children()[i].subtree.size(); n > 0; --n) TakeMessage(end);
        children_[i].out = left.substr(0, left.size() - end.size());
        left = end;
      }
    }
    if (level == tree_.num_levels()) break;
    MoveDown(place, level);
    if (level == tree_.level()) bundle_ = parent_[0].in;
  }
  return mine;
}

// Leaves the messages of this rank's part of the tree in bundle_.
void Messenger::Gather(Place place, std::string_view mine) {
  for (int level = tree_.num_levels() - 1; level >= 0; --level) {
    if (level == tree_.level()) {
      bundle_.clear();
      AppendMessage(mine, bundle_);
      for (const Neighbour& child : children_) bundle_.append(child.in);
      for (Neighbour& parent : parent_) parent.out = bundle_;
    }
    if (level > 0) MoveUp(place, level);
  }
}

void Messenger::ReadAll(std::string_view bundle) {
  for (const int r : tree_.order()) received_[r] = TakeMessage(bundle);
}

void Messenger::MoveUp(Place place, int level) {
  Move(place, level == tree_.level() ? std::span(parent_) : std::span<Neighbour>(),
       level == tree_.level() + 1 ? std::span(children_) : std::span<Neighbour>());
}

void Messenger::MoveDown(Place place, int level) {
  Move(place, level == tree_.level() + 1 ? std::span(children_) : std::span<Neighbour>(),
       level == tree_.level() ? std::span(parent_) : std::span<Neighbour>());
}

void Messenger::Move(Place place, std::span<Neighbour> to, std::span<Neighbour> from) {
  send_.clear();
  recv_.clear();
  for (Neighbour& n : to) {
    n.first_out.clear();
    AppendLength(n.out.size(), n.first_out);
    n.first_out.append(n.out, 0, kFirstPart);
    send_.push_back({n.rank, View(n.first_out)});
  }
  for (Neighbour& n : from) {
    n.first_in.resize(kHeader + kFirstPart);
    recv_.push_back({n.rank, Room(n.first_in)});
  }
  Transfer(place);

  send_.clear();
  recv_.clear();
  for (const Neighbour& n : to) {
    if (n.out.size() > kFirstPart) {
      send_.push_back({n.rank, View(std::string_view(n.out).substr(kFirstPart))});
    }
  }
  for (Neighbour& n : from) {
    n.in.resize(LengthAt(n.first_in));
    const size_t first = std::min(n.in.size(), kFirstPart);
    std::memcpy(n.in.data(), n.first_in.data() + kHeader, first);
    if (n.in.size() > kFirstPart) recv_.push_back({n.rank, Room(n.in).subspan(kFirstPart)});
  }
  Transfer(place);
}

// Collective.
void Messenger::Transfer(Place place) {
  const int64_t ticket = comm_.NextTicket();
  if (send_.empty() && recv_.empty()) return;
  comm_.Start(*exchange_, {Traffic::kControl, place, ticket}, send_, recv_);
  comm_.Finish(*exchange_);
}

std::vector<size_t> AllToAll(Communicator& comm, Traffic kind, Place place,
                             std::span<const ConstBytes> send, std::span<const Bytes> recv) {
  std::vector<Outgoing> outgoing;
  std::vector<Incoming> incoming;
  for (int r = 0; r < comm.size(); ++r) {
    if (r == comm.rank()) continue;
    if (!send[r].empty()) outgoing.push_back({r, send[r]});
    if (!recv[r].empty()) incoming.push_back({r, recv[r]});
  }
  const auto exchange = comm.MakeExchange();
  comm.Start(*exchange, {kind, place, comm.NextTicket()}, outgoing, incoming);
  const std::span<const size_t> received = comm.Finish(*exchange);
  std::vector<size_t> bytes(comm.size());
  for (size_t i = 0; i < incoming.size(); ++i) bytes[incoming[i].rank] = received[i];
  return bytes;
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
