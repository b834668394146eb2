// The sends and receives of the double of NCCL.

#ifndef OCTET_TESTS_CUDA_EMU_NCCL_EXCHANGE_H_
#define OCTET_TESTS_CUDA_EMU_NCCL_EXCHANGE_H_

#include <nccl.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "tests/cuda_emu/nccl_mail.h"

namespace octet::cuda_emu {

// What a ncclComm_t of the double points to.
struct NcclComm {
  NcclComm(const std::string& directory, int rank_of_it, int size);
  NcclComm(const NcclComm&) = delete;
  NcclComm& operator=(const NcclComm&) = delete;
  ~NcclComm();

  const int rank;
  const int num_ranks;
  NcclMail mail;
  std::vector<int64_t> sent;      // [ranks] messages to each
  std::vector<int64_t> received;  // [ranks] from each
  ncclResult_t state = ncclSuccess;
  std::function<ncclResult_t()> advance;  // while it is ncclInProgress: asks how far it is
  cudaStream_t last_stream = nullptr;     // of the last exchange
  const cudaEvent_t last_exchange;        // is over
  int questions_until_loss = 0;           // after which it has ncclRemoteError; 0: none
  bool has_ended = false;
};

// A call of ncclSend or ncclRecv.
struct NcclCall {
  bool sends;
  int peer;
  std::byte* data;
  size_t count;
  ncclDataType_t type;
};

// The calls of a group, as one piece of work of a stream.
class NcclExchange {
 public:
  NcclExchange(NcclComm& comm, const std::vector<NcclCall>& calls)
      : comm_(&comm), parts_(calls.begin(), calls.end()) {}

  // Moves what can be moved. True: all of it is complete, or given up. A send is complete when it
  // was taken, as a receiver may have no room for it before.
  bool Progress();

 private:
  struct Part : NcclCall {
    explicit Part(const NcclCall& call) : NcclCall(call) {}

    int64_t number = 0;  // of the messages between the two ranks
    bool is_done = false;
  };

  void Begin();
  bool Put(const Part& part);
  bool Take(const Part& part);
  bool IsOnDevice(const Part& part) const;
  std::string Describe(const Part& part) const;

  NcclComm* comm_;
  std::vector<Part> parts_;
  bool has_begun_ = false;
};

}  // namespace octet::cuda_emu

#endif  // OCTET_TESTS_CUDA_EMU_NCCL_EXCHANGE_H_
