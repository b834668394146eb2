// Rows between CUDA devices, by NCCL.

#ifndef OCTET_PARALLEL_TRANSPORT_NCCL_ROWS_H_
#define OCTET_PARALLEL_TRANSPORT_NCCL_ROWS_H_

#include <absl/status/statusor.h>

#include <chrono>
#include <memory>
#include <string>

#include "parallel/transport/row_transport.h"

struct CUstream_st;  // a cudaStream_t points to one

namespace octet {

// Collective over `comm`, through which the ranks find each other, and which must outlive the
// result. The current CUDA device of the calling thread is this rank's; `bus_id` names it, and
// `stream` is one of its streams. Every rank gets the same error if: the build has no NCCL; the
// versions of NCCL differ; two ranks of a host have the same device, which NCCL can't do; NCCL
// fails on a rank; the ranks are not connected within `timeout`, which also limits the end of the
// connection.
//
// NCCL does not notice a rank that hangs: the Watchdog does.
absl::StatusOr<std::unique_ptr<RowTransport>> MakeNcclRows(Communicator& comm, CUstream_st* stream,
                                                           const std::string& bus_id,
                                                           std::chrono::seconds timeout);

}  // namespace octet

#endif  // OCTET_PARALLEL_TRANSPORT_NCCL_ROWS_H_
