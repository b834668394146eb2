// Heartbeats between MPI processes.

#ifndef OCTET_PARALLEL_TRANSPORT_MPI_HEARTBEATS_H_
#define OCTET_PARALLEL_TRANSPORT_MPI_HEARTBEATS_H_

#include <mpi.h>

#include <span>
#include <vector>

#include "parallel/watch/heartbeat.h"
#include "parallel/watch/tree_neighbour.h"

namespace octet {

// One heartbeat at a time is under way to each neighbour, on a communicator of their own. What it
// keeps, and whom it connects to, does not depend on the number of ranks.
class MpiHeartbeats : public HeartbeatChannel {
 public:
  // Collective over `comm`.
  MpiHeartbeats(MPI_Comm comm, std::span<const TreeNeighbour> neighbours);
  MpiHeartbeats(const MpiHeartbeats&) = delete;
  MpiHeartbeats& operator=(const MpiHeartbeats&) = delete;
  ~MpiHeartbeats() override;

  bool Send(int to, const Heartbeat& beat) override;
  bool Receive(int& from, Heartbeat& beat) override;

 private:
  struct Sending {
    int to;
    Heartbeat beat;
    MPI_Request request = MPI_REQUEST_NULL;
  };

  void StartReceive();

  MPI_Comm comm_ = MPI_COMM_NULL;
  std::vector<Sending> sends_;  // [neighbours]
  Heartbeat in_;                // the next from any of them
  MPI_Request receive_ = MPI_REQUEST_NULL;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_MPI_HEARTBEATS_H_
