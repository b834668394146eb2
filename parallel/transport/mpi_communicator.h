// Ranks that are MPI processes.

#ifndef OCTET_PARALLEL_TRANSPORT_MPI_COMMUNICATOR_H_
#define OCTET_PARALLEL_TRANSPORT_MPI_COMMUNICATOR_H_

#include <mpi.h>

#include <string>
#include <vector>

#include "parallel/transport/communicator.h"

namespace octet {

// A communicator with nonblocking point-to-point calls, so that a late rank has a name. Messages
// may have any length. Frees its MPI communicator.
class MpiCommunicator : public Communicator {
 public:
  // Collective over `comm`, which this object then owns.
  explicit MpiCommunicator(MPI_Comm comm);
  MpiCommunicator(const MpiCommunicator&) = delete;
  MpiCommunicator& operator=(const MpiCommunicator&) = delete;
  ~MpiCommunicator() override;

  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(hosts_.size()); }
  std::span<const std::string> hosts() const override { return hosts_; }
  std::unique_ptr<Communicator> MakeGroup(int size) override;
  std::unique_ptr<Exchange> MakeExchange() override;

 private:
  MpiCommunicator(MPI_Comm comm, std::vector<std::string> hosts);
  MpiCommunicator(MpiCommunicator& parent, MPI_Comm comm, int first);

  MPI_Comm comm_;
  int rank_;
  std::vector<std::string> hosts_;
};

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_MPI_COMMUNICATOR_H_
