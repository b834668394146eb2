#include "tests/parallel/transport/communicator_conformance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "parallel/transport/agreement.h"
#include "parallel/transport/collectives.h"

namespace octet {
namespace {

using testing::HasSubstr;

// Message number `round` from one rank to another. Not byte by byte, nor is it compared so: that is
// slow in tests, which are not optimized.
std::vector<std::byte> Message(int from, int to, int round, size_t bytes) {
  std::vector<std::byte> message(bytes);
  for (size_t i = 0; i < std::min(bytes, size_t{256}); ++i) {
    message[i] = static_cast<std::byte>(from * 31 + to * 17 + round * 7 + i * 3);
  }
  for (size_t at = 256; at < bytes; at *= 2) {
    std::memcpy(&message[at], message.data(), std::min(at, bytes - at));
  }
  return message;
}

bool Same(ConstBytes a, ConstBytes b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

// One exchange in which each pair of ranks has its own size.
struct Round {
  Round(const Communicator& comm, int round, size_t scale) : rank(comm.rank()) {
    for (int r = 0; r < comm.size(); ++r) {
      const auto bytes = [&](int from, int to) { return (from * 3 + to * 5 + round) % 4 * scale; };
      outgoing.push_back(Message(comm.rank(), r, round, bytes(comm.rank(), r)));
      expected.push_back(Message(r, comm.rank(), round, bytes(r, comm.rank())));
      // More room than needed, as when only a bound is known.
      incoming.emplace_back(expected.back().empty() ? 0 : expected.back().size() + 10);
    }
    send.assign(outgoing.begin(), outgoing.end());
    recv.assign(incoming.begin(), incoming.end());
  }

  void ExpectArrived(std::span<const size_t> received) {
    for (int r = 0; r < std::ssize(incoming); ++r) {
      if (r == rank) continue;
      EXPECT_EQ(received[r], expected[r].size());
      incoming[r].resize(received[r]);
      EXPECT_TRUE(Same(incoming[r], expected[r])) << "from rank " << r;
    }
  }

  const int rank;
  std::vector<std::vector<std::byte>> outgoing, expected, incoming;
  std::vector<ConstBytes> send;
  std::vector<Bytes> recv;
};

// To the next rank and from the one before, around the ring.
class RingMessage {
 public:
  RingMessage(Communicator& comm, int round, size_t bytes)
      : comm_(comm),
        to_((comm.rank() + 1) % comm.size()),
        from_((comm.rank() + comm.size() - 1) % comm.size()),
        outgoing_(Message(comm.rank(), to_, round, bytes)),
        expected_(Message(from_, comm.rank(), round, bytes)),
        incoming_(bytes + 10),
        exchange_(comm.MakeExchange()) {}

  void Start(Traffic kind) {
    const Transfer transfer = {kind, {"ring"}, comm_.NextTicket()};
    if (comm_.size() == 1) return;
    comm_.Start(*exchange_, transfer, {{Outgoing{to_, outgoing_}}}, {{Incoming{from_, incoming_}}});
  }

  void ExpectArrived() {
    if (comm_.size() == 1) return;
    const std::span<const size_t> received = comm_.Finish(*exchange_);
    ASSERT_EQ(received.size(), 1U);
    ASSERT_EQ(received[0], expected_.size());
    EXPECT_TRUE(Same(Bytes(incoming_).first(received[0]), expected_));
  }

 private:
  Communicator& comm_;
  int to_, from_;
  std::vector<std::byte> outgoing_, expected_, incoming_;
  std::unique_ptr<Exchange> exchange_;
};

void FinishTheSecondFirst(Communicator& one, Communicator& other) {
  RingMessage first(one, 1, 100000);
  RingMessage second(other, 2, 100);
  first.Start(Traffic::kDispatch);
  second.Start(Traffic::kCombine);
  second.ExpectArrived();
  first.ExpectArrived();
}

}  // namespace

void CheckMessagesArrive(Communicator& comm) {
  for (int i = 0; i < 8; ++i) {
    for (const size_t scale : {size_t{1}, size_t{4096}, size_t{300000}}) {
      Round round(comm, i, scale);
      round.ExpectArrived(AllToAll(comm, Traffic::kDispatch, {"test"}, round.send, round.recv));
    }
  }
}

void CheckLongMessagesArrive(Communicator& comm) {
  if (comm.size() == 1) return;        // nobody to send to
  constexpr size_t kFirstPart = 2048;  // as MPI's messages are divided
  constexpr size_t kPart = size_t{1} << 20;
  const int to = (comm.rank() + 1) % comm.size();
  const int from = (comm.rank() + comm.size() - 1) % comm.size();
  std::vector<ConstBytes> send(comm.size());
  std::vector<Bytes> recv(comm.size());
  std::vector<std::byte> memory(12 * kPart);
  for (const size_t parts : {0, 1, 4, 5}) {
    for (const int more : {-1, 0, 1}) {
      const size_t bytes = kFirstPart + parts * kPart + more;
      const std::vector<std::byte> outgoing = Message(comm.rank(), to, more, bytes);
      const std::vector<std::byte> expected = Message(from, comm.rank(), more, bytes);
      for (const size_t spare : {size_t{0}, size_t{1}, kPart, 6 * kPart + 5}) {
        const Bytes incoming = Bytes(memory).last(bytes + spare);  // what lies behind is nobody's
        std::memset(incoming.data(), 0, bytes);
        send[to] = outgoing;
        recv[from] = incoming;
        const auto received = AllToAll(comm, Traffic::kDispatch, {"test"}, send, recv);
        ASSERT_EQ(received[from], bytes);
        ASSERT_TRUE(Same(incoming.first(bytes), expected)) << bytes << ", " << spare;
      }
    }
  }
}

void CheckExchangesOverlap(Communicator& comm) { FinishTheSecondFirst(comm, comm); }

void CheckTrafficIsCounted(Communicator& comm) {
  const int64_t dispatched = comm.bytes_sent(Traffic::kDispatch);
  const int64_t combined = comm.bytes_sent(Traffic::kCombine);
  Round round(comm, 3, 1000);
  int64_t expected = 0;
  for (int r = 0; r < comm.size(); ++r) {
    if (r != comm.rank()) expected += std::ssize(round.outgoing[r]);
  }
  AllToAll(comm, Traffic::kDispatch, {"test"}, round.send, round.recv);
  EXPECT_EQ(comm.bytes_sent(Traffic::kDispatch) - dispatched, expected);
  EXPECT_EQ(comm.bytes_sent(Traffic::kCombine), combined);
}

void CheckCollectives(Communicator& comm) {
  for (const size_t bytes : {0, 1, 4096, 4097, 1000000}) {
    const auto text = [&](int rank) {
      return std::string(bytes + rank, static_cast<char>('a' + rank));
    };
    const std::vector<std::string> all = AllGather(comm, {"test"}, text(comm.rank()));
    const std::vector<std::string> at_root = GatherToRoot(comm, {"test"}, text(comm.rank()));
    std::vector<std::string> parts;
    for (int r = 0; r < comm.size(); ++r) {
      EXPECT_EQ(all[r], text(r));
      EXPECT_EQ(at_root[r], comm.rank() == 0 ? text(r) : "");
      if (comm.rank() == 0) parts.push_back(text(r));
    }
    EXPECT_EQ(Messenger(comm).ScatterFromRoot({"test"}, parts), text(comm.rank()));
  }
}

void CheckMessengerIsUsedAgain(Communicator& comm) {
  Messenger messenger(comm);
  for (const size_t bytes : {5000, 10, 0, 4096, 9000}) {
    const std::string mine(bytes + comm.rank(), 'x');
    const std::span<const std::string> all = messenger.AllGather({"test"}, mine);
    for (int r = 0; r < comm.size(); ++r) EXPECT_EQ(all[r], std::string(bytes + r, 'x'));
    const std::vector<std::string> parts(comm.size(), std::string(bytes, 'y'));
    EXPECT_EQ(messenger.ScatterFromRoot({"test"}, parts), parts[0]);
    const std::span<const std::string> at_root = messenger.GatherToRoot({"test"}, mine);
    for (int r = 0; r < comm.size(); ++r) {
      EXPECT_EQ(at_root[r], comm.rank() == 0 ? std::string(bytes + r, 'x') : "");
    }
  }
}

void CheckGroups(Communicator& comm) {
  for (int size = 1; size <= comm.size(); ++size) {
    if (comm.size() % size != 0) continue;
    const auto group = comm.MakeGroup(size);
    EXPECT_EQ(group->size(), size);
    EXPECT_EQ(group->rank(), comm.rank() % size);
    const int first = comm.rank() / size * size;
    const auto all = AllGather(*group, {"test"}, std::to_string(comm.rank()));
    for (int r = 0; r < size; ++r) {
      EXPECT_EQ(all[r], std::to_string(first + r));
      EXPECT_EQ(group->hosts()[r], comm.hosts()[first + r]);
    }
  }
}

void CheckGroupsOfTheSameRanks(Communicator& comm) {
  const auto one = comm.MakeGroup(comm.size());
  const auto other = comm.MakeGroup(comm.size());
  FinishTheSecondFirst(*one, *other);
}

void CheckAgreement(Communicator& comm) {
  EXPECT_TRUE(AgreeOnStatus(comm, absl::OkStatus()).ok());
  EXPECT_TRUE(AgreeOnFacts(comm, {{"model", "a"}, {"flags", ""}}).ok());

  const int last = comm.size() - 1;
  const bool differs = comm.rank() == last;
  const absl::Status status =
      AgreeOnStatus(comm, differs ? absl::NotFoundError("no 5 files") : absl::OkStatus());
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("no 5 files"));
  if (comm.size() == 1) return;
  EXPECT_THAT(std::string(status.message()), HasSubstr("rank " + std::to_string(last)));
  const absl::Status facts = AgreeOnFacts(comm, {{"model", "a"}, {"flags", differs ? "x" : "y"}});
  EXPECT_THAT(std::string(facts.message()), HasSubstr("rank " + std::to_string(last) + " on "));
  EXPECT_THAT(std::string(facts.message()), HasSubstr("in its flags: x against y"));
}

}  // namespace octet
