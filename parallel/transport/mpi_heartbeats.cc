#include "parallel/transport/mpi_heartbeats.h"

#include <algorithm>

namespace octet {
namespace {

constexpr int kTag = 0;

}  // namespace

MpiHeartbeats::MpiHeartbeats(MPI_Comm comm, std::span<const TreeNeighbour> neighbours) {
  MPI_Comm_dup(comm, &comm_);
  for (const TreeNeighbour& n : neighbours) sends_.push_back({.to = n.rank, .beat = {}});
  StartReceive();
}

MpiHeartbeats::~MpiHeartbeats() {
  for (Sending& send : sends_) MPI_Wait(&send.request, MPI_STATUS_IGNORE);
  MPI_Cancel(&receive_);
  MPI_Wait(&receive_, MPI_STATUS_IGNORE);
  MPI_Comm_free(&comm_);
}

void MpiHeartbeats::StartReceive() {
  MPI_Irecv(&in_, sizeof(in_), MPI_BYTE, MPI_ANY_SOURCE, kTag, comm_, &receive_);
}

bool MpiHeartbeats::Send(int to, const Heartbeat& beat) {
  Sending& send = *std::ranges::find(sends_, to, &Sending::to);
  int done = 0;
  MPI_Test(&send.request, &done, MPI_STATUS_IGNORE);
  if (done == 0) return false;
  send.beat = beat;
  MPI_Isend(&send.beat, static_cast<int>(beat.bytes()), MPI_BYTE, to, kTag, comm_, &send.request);
  return true;
}

bool MpiHeartbeats::Receive(int& from, Heartbeat& beat) {
  int done = 0;
  MPI_Status status;
  MPI_Test(&receive_, &done, &status);
  if (done == 0) return false;
  from = status.MPI_SOURCE;
  beat = in_;
  StartReceive();
  return true;
}

}  // namespace octet
