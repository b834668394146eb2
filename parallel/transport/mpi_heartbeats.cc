#include "parallel/transport/mpi_heartbeats.h"

namespace octet {
namespace {

constexpr int kTag = 0;

}  // namespace

MpiHeartbeats::MpiHeartbeats(MPI_Comm comm) {
  MPI_Comm_dup(comm, &comm_);
  MPI_Comm_rank(comm_, &rank_);
  int size = 0;
  MPI_Comm_size(comm_, &size);
  out_.resize(size);
  in_.resize(size);
  sends_.resize(size, MPI_REQUEST_NULL);
  receives_.resize(size, MPI_REQUEST_NULL);
  for (int r = 0; r < size; ++r) {
    if (r != rank_) StartReceive(r);
  }
}

MpiHeartbeats::~MpiHeartbeats() {
  MPI_Waitall(static_cast<int>(sends_.size()), sends_.data(), MPI_STATUSES_IGNORE);
  for (MPI_Request& receive : receives_) {
    if (receive != MPI_REQUEST_NULL) MPI_Cancel(&receive);
  }
  MPI_Waitall(static_cast<int>(receives_.size()), receives_.data(), MPI_STATUSES_IGNORE);
  MPI_Comm_free(&comm_);
}

void MpiHeartbeats::StartReceive(int from) {
  MPI_Irecv(&in_[from], sizeof(Heartbeat), MPI_BYTE, from, kTag, comm_, &receives_[from]);
}

bool MpiHeartbeats::Send(int to, const Heartbeat& beat) {
  int done = 0;
  MPI_Test(&sends_[to], &done, MPI_STATUS_IGNORE);
  if (done == 0) return false;
  out_[to] = beat;
  MPI_Isend(&out_[to], static_cast<int>(beat.bytes()), MPI_BYTE, to, kTag, comm_, &sends_[to]);
  return true;
}

bool MpiHeartbeats::Receive(int& from, Heartbeat& beat) {
  int done = 0;
  MPI_Testany(static_cast<int>(receives_.size()), receives_.data(), &from, &done,
              MPI_STATUS_IGNORE);
  if (done == 0 || from == MPI_UNDEFINED) return false;
  beat = in_[from];
  StartReceive(from);
  return true;
}

}  // namespace octet
