#include "parallel/transport/nccl_rows.h"
#include "parallel/transport/nccl_version.h"

namespace octet {

bool HasNccl() { return false; }

std::string DescribeNccl() { return "NCCL: not in this build"; }

absl::StatusOr<std::unique_ptr<RowTransport>> MakeNcclRows(Communicator&, CUstream_st*,
                                                           const std::string&,
                                                           std::chrono::seconds) {
  return absl::FailedPreconditionError(
      "this build has no NCCL to send rows between devices: build where nccl.h and the CUDA "
      "toolkit are found, or use --row-transport mpi");
}

}  // namespace octet
