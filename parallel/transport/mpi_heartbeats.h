// Heartbeats between MPI processes.

#ifndef OCTET_PARALLEL_TRANSPORT_MPI_HEARTBEATS_H_
#define OCTET_PARALLEL_TRANSPORT_MPI_HEARTBEATS_H_

#include <mpi.h>

#include <span>
#include <vector>

#include "parallel/watch/heartbeat.h"
#include "parallel/watch/tree_neighbour.h"

namespace octet {

// A channel with one heartbeat at a time to each neighbour, on an MPI communicator of its own. Its
// memory and its connections do not depend on the number of ranks.
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
  Heartbeat in_;                // the next, from any neighbour
  MPI_Request receive_ = MPI_REQUEST_NULL;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_MPI_HEARTBEATS_H_
