// Beats between MPI processes.

#ifndef OCTET_PARALLEL_MPI_BEATS_H_
#define OCTET_PARALLEL_MPI_BEATS_H_

#include <mpi.h>

#include <vector>

#include "parallel/beat.h"

namespace octet {

// One beat at a time is under way to each rank, and one is awaited from each, on a communicator of
// their own.
class MpiBeats : public BeatChannel {
 public:
  // Collective over `comm`.
  explicit MpiBeats(MPI_Comm comm);
  MpiBeats(const MpiBeats&) = delete;
  MpiBeats& operator=(const MpiBeats&) = delete;
  ~MpiBeats() override;

  bool Send(int to, const Beat& beat) override;
  bool Receive(int& from, Beat& beat) override;

 private:
  void StartReceive(int from);

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  std::vector<Beat> out_;           // [ranks]
  std::vector<Beat> in_;            // [ranks]
  std::vector<MPI_Request> sends_;  // [ranks]
  std::vector<MPI_Request> receives_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_MPI_BEATS_H_
