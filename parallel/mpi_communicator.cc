#include "parallel/mpi_communicator.h"

#include <algorithm>
#include <array>
#include <climits>
#include <cstring>

#include "kernels/check.h"

namespace octet {
namespace {

// MPI guarantees tags up to 32767. Two exchanges of one pair of ranks are never this far apart.
constexpr int kTags = 32768;

class MpiExchange : public Exchange {
 public:
  MpiExchange(MPI_Comm comm, int rank, int& next_tag)
      : comm_(comm), rank_(rank), next_tag_(next_tag) {}
  MpiExchange(const MpiExchange&) = delete;
  MpiExchange& operator=(const MpiExchange&) = delete;

  ~MpiExchange() override { OCTET_CHECK(pending_ == 0) << "an exchange was abandoned"; }

  bool Poll() override {
    if (pending_ == 0) return true;
    int completed = 0;
    MPI_Testsome(static_cast<int>(requests_.size()), requests_.data(), &completed, indices_.data(),
                 statuses_.data());
    for (int i = 0; i < completed; ++i) {
      const Peer& peer = peers_[indices_[i]];
      if (!peer.receives) continue;
      int bytes = 0;
      MPI_Get_count(&statuses_[i], MPI_BYTE, &bytes);
      received_[peer.rank] = static_cast<size_t>(bytes);
    }
    pending_ -= completed;
    return pending_ == 0;
  }

  std::vector<int> Late() const override {
    std::vector<int> late;
    for (size_t i = 0; i < requests_.size(); ++i) {
      if (requests_[i] != MPI_REQUEST_NULL) late.push_back(peers_[i].rank);
    }
    std::sort(late.begin(), late.end());
    late.erase(std::unique(late.begin(), late.end()), late.end());
    return late;
  }

  std::span<const size_t> received() const override { return received_; }

 private:
  struct Peer {
    int rank;
    bool receives;  // this rank receives from it; otherwise sends to it
  };

  void Start(std::span<const ConstBytes> send, std::span<const Bytes> recv) override {
    OCTET_CHECK(pending_ == 0) << "the exchange is in flight";
    const int tag = next_tag_ = (next_tag_ + 1) % kTags;
    OCTET_CHECK(send[rank_].size() <= recv[rank_].size());
    received_.assign(recv.size(), 0);
    received_[rank_] = send[rank_].size();
    if (!send[rank_].empty()) {
      std::memcpy(recv[rank_].data(), send[rank_].data(), send[rank_].size());
    }
    Clear(2 * recv.size());
    for (int r = 0; r < std::ssize(recv); ++r) {
      if (r == rank_ || recv[r].empty()) continue;
      MPI_Irecv(recv[r].data(), Count(recv[r].size()), MPI_BYTE, r, tag, comm_, Add({r, true}));
    }
    for (int r = 0; r < std::ssize(send); ++r) {
      if (r == rank_ || send[r].empty()) continue;
      MPI_Isend(send[r].data(), Count(send[r].size()), MPI_BYTE, r, tag, comm_, Add({r, false}));
    }
  }

  static int Count(size_t bytes) {
    OCTET_CHECK(bytes <= INT_MAX) << "a message of " << bytes << " bytes";
    return static_cast<int>(bytes);
  }

  void Clear(size_t most_requests) {
    requests_.clear();
    requests_.reserve(most_requests);  // MPI keeps pointers to them
    peers_.clear();
    indices_.resize(most_requests);
    statuses_.resize(most_requests);
  }

  MPI_Request* Add(Peer peer) {
    peers_.push_back(peer);
    ++pending_;
    return &requests_.emplace_back(MPI_REQUEST_NULL);
  }

  MPI_Comm comm_;
  int rank_;
  int& next_tag_;  // of the communicator
  std::vector<MPI_Request> requests_;
  std::vector<Peer> peers_;  // of each request
  std::vector<int> indices_;
  std::vector<MPI_Status> statuses_;
  std::vector<size_t> received_;
  int pending_ = 0;
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

}  // namespace

MpiCommunicator::MpiCommunicator(MPI_Comm comm) : comm_(comm) {
  MPI_Comm_rank(comm, &rank_);
  MPI_Comm_size(comm, &size_);
  hosts_ = GatherHosts(comm, size_);
}

MpiCommunicator::~MpiCommunicator() { MPI_Comm_free(&comm_); }

std::unique_ptr<Communicator> MpiCommunicator::MakeGroup(int group_size) {
  OCTET_CHECK(group_size > 0 && size_ % group_size == 0) << group_size << " of " << size_;
  MPI_Comm group = MPI_COMM_NULL;
  MPI_Comm_split(comm_, rank_ / group_size, rank_, &group);
  return std::make_unique<MpiCommunicator>(group);
}

std::unique_ptr<Exchange> MpiCommunicator::MakeExchange() {
  return std::make_unique<MpiExchange>(comm_, rank_, next_tag_);
}

}  // namespace octet
