// Heartbeats between MPI processes.

#ifndef OCTET_PARALLEL_TRANSPORT_MPI_HEARTBEATS_H_
#define OCTET_PARALLEL_TRANSPORT_MPI_HEARTBEATS_H_

#include <mpi.h>

#include <vector>

#include "parallel/watch/heartbeat.h"

namespace octet {

// One heartbeat at a time is under way to each rank, and one is awaited from each, on a
// communicator of their own.
class MpiHeartbeats : public HeartbeatChannel {
 public:
  // Collective over `comm`.
  explicit MpiHeartbeats(MPI_Comm comm);
  MpiHeartbeats(const MpiHeartbeats&) = delete;
  MpiHeartbeats& operator=(const MpiHeartbeats&) = delete;
  ~MpiHeartbeats() override;

  bool Send(int to, const Heartbeat& beat) override;
  bool Receive(int& from, Heartbeat& beat) override;

 private:
  void StartReceive(int from);

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  std::vector<Heartbeat> out_;      // [ranks]
  std::vector<Heartbeat> in_;       // [ranks]
  std::vector<MPI_Request> sends_;  // [ranks]
  std::vector<MPI_Request> receives_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_MPI_HEARTBEATS_H_
