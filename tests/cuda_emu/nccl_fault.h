// Faults of the double of NCCL on purpose.

#ifndef OCTET_TESTS_CUDA_EMU_NCCL_FAULT_H_
#define OCTET_TESTS_CUDA_EMU_NCCL_FAULT_H_

#include <string_view>

namespace octet::cuda_emu {

enum class NcclFault {
  kNone,
  kError,      // the call returns ncclSystemError
  kLateError,  // it returns ncclInProgress, and then the communicator has ncclRemoteError
  kHang,       // it returns ncclInProgress, and never ends
  kStall,      // it ends, but what it put on the stream never does
  kLoss,       // the same, and then the communicator has ncclRemoteError
};

// What is to happen to this call of a rank, which is counted. The environment variable
// OCTET_NCCL_DOUBLE_FAULT="rank=1,call=ncclGroupEnd,count=3,effect=hang" strikes at the third such
// call since it was set; effects: error, late_error, hang, stall,
// loss.
NcclFault FaultOf(std::string_view call, int rank);

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_NCCL_FAULT_H_
