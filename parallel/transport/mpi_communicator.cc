#include "parallel/transport/mpi_communicator.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/base/check.h"
#include "parallel/transport/collectives.h"
#include "parallel/transport/mpi_heartbeats.h"
#include "parallel/transport/rank_tree.h"

namespace octet {
namespace {

// MPI guarantees tags up to 32767. Two transfers of one kind and pair of ranks are never this many
// tickets apart.
constexpr int64_t kTickets = 32768 / kNumTrafficKinds;

int TagOf(const Transfer& transfer) {
  return static_cast<int>(transfer.ticket % kTickets) * kNumTrafficKinds +
         static_cast<int>(transfer.kind);
}

// A message goes in parts, kPartsInFlight at a time. Each part that arrives is a sign of its rank,
// even if the whole message takes minutes. The first part is small, so that MPI sends it at once:
// it shows that the rank has come.
constexpr size_t kFirstPartBytes = 2048;
constexpr size_t kPartBytes = size_t{1} << 20;
constexpr size_t kPartsInFlight = 4;

// A message goes in whole parts and a last, shorter part, which may be empty. The last part tells
// the receiver, which may have more room, that the message ends.
class MpiExchange : public Exchange {
 public:
  explicit MpiExchange(MPI_Comm comm) : comm_(comm) {}
  MpiExchange(const MpiExchange&) = delete;
  MpiExchange& operator=(const MpiExchange&) = delete;

  ~MpiExchange() override { OCTET_CHECK(unfinished_ == 0) << "an exchange was abandoned"; }

  bool Poll() override {
    if (unfinished_ == 0) return true;
    int completed = 0;
    MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &completed, indices_.data(),
                 statuses_.data());
    for (int i = 0; i < completed; ++i) Complete(indices_[i], statuses_[i]);
    return unfinished_ == 0;
  }

  bool all_have_come() const override {
    return std::none_of(messages_.begin(), messages_.end(), [](const Message& m) {
      return m.receives && m.unfinished && m.moved == 0;
    });
  }
  void Visit(Visitor visit) const override {
    for (const Message& m : messages_)
      visit({.rank = m.rank, .late = m.unfinished, .moved = m.moved});
  }
  int64_t moves() const override { return moves_; }
  std::span<const size_t> received() const override { return received_; }

 private:
  // One message, to or from a rank.
  struct Message {
    int rank;
    bool receives;
    std::byte* data;
    size_t bytes;        // of the message, or of the room for it
    size_t started = 0;  // bytes of the parts that have been started
    int next_part = 0;
    int64_t moved = 0;  // parts that are complete
    size_t in_flight = 0;
    bool all_started = false;
    bool unfinished = true;
  };

  // The part that a request moves.
  struct Slot {
    size_t message;
    int part;
  };

  void Start(const Transfer& transfer, std::span<const Outgoing> send,
             std::span<const Incoming> recv) override {
    OCTET_CHECK(unfinished_ == 0) << "the exchange is in flight";
    tag_ = TagOf(transfer);
    received_.assign(recv.size(), 0);
    Clear(send.size() + recv.size());
    for (const Incoming& message : recv) {
      AddMessage(message.rank, /*receives=*/true, message.room);
    }
    for (const Outgoing& message : send) {
      // MPI does not write to the bytes that it sends.
      auto* data = const_cast<std::byte*>(message.bytes.data());
      AddMessage(message.rank, /*receives=*/false, {data, message.bytes.size()});
    }
  }

  static size_t BytesOfPart(int part) { return part == 0 ? kFirstPartBytes : kPartBytes; }

  void Clear(size_t num_messages) {
    const size_t most_requests = (kPartsInFlight + 1) * num_messages;
    requests_.clear();
    requests_.reserve(most_requests);  // MPI keeps pointers to them
    slots_.clear();
    slots_.reserve(most_requests);
    indices_.resize(most_requests);
    statuses_.resize(most_requests);
    messages_.clear();
  }

  // Rooms come first, so that received_[i] belongs to message i.
  void AddMessage(int rank, bool receives, Bytes bytes) {
    OCTET_CHECK(!bytes.empty()) << "rank " << rank;
    messages_.push_back(
        {.rank = rank, .receives = receives, .data = bytes.data(), .bytes = bytes.size()});
    ++unfinished_;
    // Many messages end within the first part of their room. The other parts are started after it.
    StartParts(messages_.size() - 1, receives ? 1 : kPartsInFlight);
  }

  // Starts parts until `in_flight` are in flight, or all parts of the message are.
  void StartParts(size_t index, size_t in_flight) {
    const Message& message = messages_[index];
    const auto only_the_end_is_left = [&] { return message.started == message.bytes; };
    while (!message.all_started && (message.in_flight < in_flight || only_the_end_is_left())) {
      slots_.push_back({index, 0});
      requests_.push_back(MPI_REQUEST_NULL);
      StartPart(slots_.size() - 1);
    }
  }

  void StartPart(size_t slot) {
    Message& message = messages_[slots_[slot].message];
    const int number = slots_[slot].part = message.next_part++;
    const size_t part = std::min(BytesOfPart(number), message.bytes - message.started);
    std::byte* data = message.data + message.started;
    const auto count = static_cast<int>(part);
    if (message.receives) {
      MPI_Irecv(data, count, MPI_BYTE, message.rank, tag_, comm_, &requests_[slot]);
    } else {
      MPI_Isend(data, count, MPI_BYTE, message.rank, tag_, comm_, &requests_[slot]);
    }
    message.started += part;
    message.all_started = part < BytesOfPart(number);
    ++message.in_flight;
  }

  void Complete(int slot, const MPI_Status& status) {
    const auto [index, part] = slots_[slot];
    Message& message = messages_[index];
    --message.in_flight;
    ++message.moved;
    ++moves_;
    if (message.receives) TakePart(index, part, status);
    if (!message.all_started) {
      StartPart(slot);
      if (part == 0) StartParts(index, kPartsInFlight);
    } else if (message.in_flight == 0) {
      message.unfinished = false;
      --unfinished_;
    }
  }

  void TakePart(size_t index, int part, const MPI_Status& status) {
    int bytes = 0;
    MPI_Get_count(&status, MPI_BYTE, &bytes);
    received_[index] += static_cast<size_t>(bytes);
    if (static_cast<size_t>(bytes) == BytesOfPart(part)) return;
    messages_[index].all_started = true;
    if (messages_[index].in_flight > 0) CancelAfter(part, index);
  }

  // Cancels the parts after `part`, with which the message ended before its room did. Parts match
  // in order, so later parts have not been matched. Earlier parts may still be under way.
  void CancelAfter(int part, size_t index) {
    for (size_t i = 0; i < requests_.size(); ++i) {
      if (slots_[i].message != index || slots_[i].part <= part) continue;
      MPI_Cancel(&requests_[i]);
      MPI_Wait(&requests_[i], MPI_STATUS_IGNORE);
      --messages_[index].in_flight;
    }
  }

  MPI_Comm comm_;
  int tag_ = 0;
  std::vector<Message> messages_;  // those that are received, then those that are sent
  int unfinished_ = 0;             // of them
  int64_t moves_ = 0;
  std::vector<MPI_Request> requests_;
  std::vector<Slot> slots_;  // of each request
  std::vector<int> indices_;
  std::vector<MPI_Status> statuses_;
  std::vector<size_t> received_;
};

std::vector<std::string> GatherHosts(MPI_Comm comm, int size) {
  using Name = std::array<char, MPI_MAX_PROCESSOR_NAME>;
  Name mine = {};
  int length = 0;
  MPI_Get_processor_name(mine.data(), &length);
  std::vector<Name> names(size);
  MPI_Allgather(mine.data(), MPI_MAX_PROCESSOR_NAME, MPI_CHAR, names.data(), MPI_MAX_PROCESSOR_NAME,
                MPI_CHAR, comm);
  std::vector<std::string> hosts;
  hosts.reserve(names.size());
  for (const Name& name : names) hosts.emplace_back(name.data());
  return hosts;
}

int RankIn(MPI_Comm comm) {
  int rank = 0;
  MPI_Comm_rank(comm, &rank);
  return rank;
}

int SizeOf(MPI_Comm comm) {
  int size = 0;
  MPI_Comm_size(comm, &size);
  return size;
}

std::unique_ptr<Watchdog> MakeWatchdog(MPI_Comm comm, std::span<const std::string> hosts) {
  const int rank = RankIn(comm);
  const std::vector<TreeNeighbour> neighbours = RankTree(HostTopology(hosts), rank).Neighbours();
  return std::make_unique<Watchdog>(Activity::OfThisThread(),
                                    std::make_unique<MpiHeartbeats>(comm, neighbours), rank, hosts,
                                    neighbours);
}

}  // namespace

MpiCommunicator::MpiCommunicator(MPI_Comm comm)
    : MpiCommunicator(comm, GatherHosts(comm, SizeOf(comm))) {}

MpiCommunicator::MpiCommunicator(MPI_Comm comm, std::vector<std::string> hosts)
    : Communicator(MakeWatchdog(comm, hosts)),
      comm_(comm),
      rank_(RankIn(comm)),
      hosts_(std::move(hosts)) {}

MpiCommunicator::MpiCommunicator(MpiCommunicator& parent, MPI_Comm comm, int first)
    : Communicator(parent, first),
      comm_(comm),
      rank_(RankIn(comm)),
      hosts_(parent.hosts_.begin() + first, parent.hosts_.begin() + first + SizeOf(comm)) {}

MpiCommunicator::~MpiCommunicator() { MPI_Comm_free(&comm_); }

std::unique_ptr<Communicator> MpiCommunicator::MakeGroup(int group_size) {
  OCTET_CHECK(group_size > 0 && size() % group_size == 0) << group_size << " of " << size();
  // MPI_Comm_split waits for all ranks without a deadline, so it is called when all have come. Then
  // only the process watch covers it.
  AllGather(*this, {"groups"}, "");
  const int first = rank_ - rank_ % group_size;
  MPI_Comm group = MPI_COMM_NULL;
  MPI_Comm_split(comm_, first, rank_, &group);
  return std::unique_ptr<Communicator>(new MpiCommunicator(*this, group, first));
}

std::unique_ptr<Exchange> MpiCommunicator::MakeExchange() {
  return std::make_unique<MpiExchange>(comm_);
}

}  // namespace octet
