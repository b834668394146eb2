// The functions of NCCL that octet calls, for a program that links these in its place.

#include <absl/strings/str_cat.h>
#include <nccl.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>
#include <thread>

#include "kernels/base/check.h"
#include "kernels/base/number_range.h"
#include "tests/cuda_emu/device_memory.h"
#include "tests/cuda_emu/devices.h"
#include "tests/cuda_emu/emulation.h"
#include "tests/cuda_emu/nccl_exchange.h"
#include "tests/cuda_emu/nccl_fault.h"
#include "tests/cuda_emu/streams.h"

namespace octet::cuda_emu {
namespace {

// A device works while its host does something else, such as waiting for a message that a peer
// sends when it has got its rows.
class Worker {
 public:
  // Begins at the first call.
  static void Start() {
    // What it uses was made before it, and so ends after it.
    (void)DeviceMemory::OfDevice();
    (void)Emulation::Device();
    (void)AreAllIdle();
    static const Worker kWorker;
  }

  Worker() : thread_([this] { Run(); }) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    stops_ = true;
    thread_.join();
  }

 private:
  void Run() const {
    while (!stops_) {
      if (Work() != Step::kDone) std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }
  static Step Work() {
    const RuntimeLock lock(RuntimeMutex());
    return WorkStep();
  }

  std::atomic<bool> stops_ = false;
  std::thread thread_;
};

// The calls between ncclGroupStart and ncclGroupEnd, of one communicator and stream.
struct Group {
  int depth = 0;
  NcclComm* comm = nullptr;
  cudaStream_t stream = nullptr;
  std::vector<NcclCall> calls;
  ncclResult_t error = ncclSuccess;  // of any of them
};

Group& GroupOfThread() {
  thread_local Group group;
  return group;
}

// All that there have been, so that a use after the end is found.
std::vector<std::unique_ptr<NcclComm>>& Communicators() {
  static std::vector<std::unique_ptr<NcclComm>> all;
  return all;
}

NcclComm* From(ncclComm_t comm) { return reinterpret_cast<NcclComm*>(comm); }

std::string& LastError() {
  static std::string error;
  return error;
}

// What NCCL does not take, whether or not it says so.
ncclResult_t Misuse(const std::string& what) {
  LastError() = what;
  Emulation::Device().Fail(what);
  return ncclInvalidUsage;
}

ncclResult_t Fail(ncclResult_t result, const std::string& what) {
  LastError() = what;
  return result;
}

// Success: the communicator lives, has no error, and is not in the middle of something.
ncclResult_t CheckUse(const char* call, const NcclComm* comm) {
  if (comm == nullptr) return Misuse(absl::StrCat(call, " without a communicator"));
  if (comm->has_ended) {
    return Misuse(absl::StrCat(call, " of rank ", comm->rank, " after the communicator's end"));
  }
  if (comm->state != ncclInProgress) return comm->state;
  return Misuse(
      absl::StrCat(call, " of rank ", comm->rank, " while an earlier call is in progress"));
}

// The communicator is in progress until `advance` says otherwise.
ncclResult_t Begin(NcclComm& comm, NcclFault fault, std::function<ncclResult_t()> advance) {
  if (fault == NcclFault::kError) return Fail(ncclSystemError, "a fault on purpose");
  if (fault == NcclFault::kLateError) {
    advance = [] { return Fail(ncclRemoteError, "a late fault on purpose"); };
  }
  if (fault == NcclFault::kHang) advance = [] { return ncclInProgress; };
  comm.advance = std::move(advance);
  return comm.state = ncclInProgress;
}

// Whether all ranks have come, each with a device of its own.
ncclResult_t Meet(const NcclComm& comm) {
  const auto bus_ids = comm.mail.AllTold();
  if (!bus_ids) return ncclInProgress;
  for (int r = 0; r < comm.num_ranks; ++r) {
    for (int s = 0; s < r; ++s) {
      if ((*bus_ids)[r] != (*bus_ids)[s]) continue;
      return Fail(ncclInvalidUsage,
                  absl::StrCat("ranks ", s, " and ", r, " have one device, ", (*bus_ids)[r]));
    }
  }
  return ncclSuccess;
}

// Exchanges of a communicator come one after the other, on whichever streams they are.
ncclResult_t PutOnStream(NcclComm& comm, const Group& group, bool stalls) {
  const bool is_captured = IsCapturing();
  if (!is_captured && comm.last_stream != nullptr && comm.last_stream != group.stream) {
    if (WaitFor(group.stream, comm.last_exchange) != cudaSuccess) return ncclUnhandledCudaError;
  }
  auto work = [exchange = NcclExchange(comm, group.calls), &comm, stalls]() mutable {
    return stalls ? comm.has_ended : exchange.Progress();
  };
  if (EnqueueTrial(group.stream, work) != cudaSuccess) return ncclUnhandledCudaError;
  if (is_captured) return ncclSuccess;
  comm.last_stream = group.stream;
  if (Record(comm.last_exchange, group.stream) != cudaSuccess) return ncclUnhandledCudaError;
  return ncclSuccess;
}

// What was grouped comes on its stream somewhat later.
ncclResult_t EndGroup() {
  const Group group = std::exchange(GroupOfThread(), {});
  if (group.error != ncclSuccess || group.calls.empty()) return group.error;
  NcclComm& comm = *group.comm;
  const NcclFault fault = FaultOf("ncclGroupEnd", comm.rank);
  constexpr int kMostPolls = 4;
  int polls_left = static_cast<int>(Emulation::Device().Draw(kMostPolls));
  return Begin(comm, fault, [&comm, group, fault, polls_left]() mutable {
    if (polls_left-- > 0) return ncclInProgress;
    if (fault == NcclFault::kLoss) comm.questions_until_loss = kMostPolls;
    return PutOnStream(comm, group, fault == NcclFault::kStall || fault == NcclFault::kLoss);
  });
}

ncclResult_t AddCall(const char* name, const NcclCall& call, NcclComm* comm, cudaStream_t stream) {
  if (const ncclResult_t error = CheckUse(name, comm); error != ncclSuccess) return error;
  const std::string what = absl::StrCat(name, " of rank ", comm->rank,
                                        call.sends ? " to rank " : " from rank ", call.peer);
  if (call.peer < 0 || call.peer >= comm->num_ranks) {
    return Misuse(absl::StrCat(what, ", of ", comm->num_ranks));
  }
  const NcclFault fault = FaultOf(name, comm->rank);
  if (fault == NcclFault::kError) return Fail(ncclSystemError, "a fault on purpose");
  OCTET_CHECK(fault == NcclFault::kNone) << name << " can only return an error";
  Group& group = GroupOfThread();
  if (!group.calls.empty() && (group.comm != comm || group.stream != stream)) {
    return Misuse(what + ": a group of two communicators or streams");
  }
  group.comm = comm;
  group.stream = stream;
  group.calls.push_back(call);
  return ncclSuccess;
}

// A call outside of a group is one of its own.
ncclResult_t Call(const char* name, const NcclCall& call, ncclComm_t comm, cudaStream_t stream) {
  const ncclResult_t error = AddCall(name, call, From(comm), stream);
  if (error != ncclSuccess) GroupOfThread().error = error;
  return GroupOfThread().depth == 0 ? EndGroup() : error;
}

void End(NcclComm& comm) {
  comm.has_ended = true;
  comm.state = ncclSuccess;
  comm.mail.Leave();
}

}  // namespace
}  // namespace octet::cuda_emu

using octet::cuda_emu::AreAllIdle;
using octet::cuda_emu::Begin;
using octet::cuda_emu::CheckUse;
using octet::cuda_emu::Communicators;
using octet::cuda_emu::End;
using octet::cuda_emu::Fail;
using octet::cuda_emu::FaultOf;
using octet::cuda_emu::From;
using octet::cuda_emu::GroupOfThread;
using octet::cuda_emu::LastError;
using octet::cuda_emu::Meet;
using octet::cuda_emu::Misuse;
using octet::cuda_emu::NcclComm;
using octet::cuda_emu::NcclFault;
using octet::cuda_emu::NcclMail;
using octet::cuda_emu::RuntimeLock;
using octet::cuda_emu::RuntimeMutex;
using octet::cuda_emu::Worker;

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
  const char* text = std::getenv("OCTET_NCCL_DOUBLE_VERSION");
  *version = NCCL_VERSION_CODE;
  if (text == nullptr) return ncclSuccess;
  const auto number = octet::NumberRange<int>{1, 1 << 20}.Parse(text);
  OCTET_CHECK(number.has_value()) << "OCTET_NCCL_DOUBLE_VERSION=" << text;
  *version = *number;
  return ncclSuccess;
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  const RuntimeLock lock(RuntimeMutex());
  const std::string directory = NcclMail::MakeDirectory();
  if (directory.empty() || directory.size() >= sizeof(id->internal)) {
    return Fail(ncclSystemError, "no directory for messages");
  }
  *id = {};
  std::memcpy(id->internal, directory.data(), directory.size());
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int num_ranks, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  const RuntimeLock lock(RuntimeMutex());
  *comm = nullptr;
  if (config == nullptr || config->blocking != 0) return Misuse("only blocking = 0 is doubled");
  if (rank < 0 || rank >= num_ranks) return Misuse(absl::StrCat("rank ", rank, " of ", num_ranks));
  const NcclFault fault = FaultOf("ncclCommInitRankConfig", rank);
  if (fault == NcclFault::kError) {
    NcclMail(id.internal, rank, num_ranks).Leave();
    return Fail(ncclSystemError, "a fault on purpose");
  }
  NcclComm& made =
      *Communicators().emplace_back(std::make_unique<NcclComm>(id.internal, rank, num_ranks));
  *comm = reinterpret_cast<ncclComm_t>(&made);
  if (fault == NcclFault::kNone &&
      !made.mail.Tell(octet::cuda_emu::BusIdOf(octet::cuda_emu::CurrentDevice()))) {
    return Fail(ncclSystemError, "the directory of the other ranks is not there");
  }
  Worker::Start();
  return Begin(made, fault, [&made] { return Meet(made); });
}

ncclResult_t ncclCommFinalize(ncclComm_t comm) {
  const RuntimeLock lock(RuntimeMutex());
  if (const auto error = CheckUse("ncclCommFinalize", From(comm)); error != ncclSuccess)
    return error;
  if (GroupOfThread().depth > 0) return Misuse("ncclCommFinalize within a group");
  const NcclFault fault = FaultOf("ncclCommFinalize", From(comm)->rank);
  return Begin(*From(comm), fault, [] { return AreAllIdle() ? ncclSuccess : ncclInProgress; });
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  const RuntimeLock lock(RuntimeMutex());
  if (const auto error = CheckUse("ncclCommDestroy", From(comm)); error != ncclSuccess)
    return error;
  if (GroupOfThread().depth > 0) return Misuse("ncclCommDestroy within a group");
  if (!AreAllIdle()) return Misuse("ncclCommDestroy before its exchanges end");
  End(*From(comm));
  return ncclSuccess;
}

ncclResult_t ncclCommAbort(ncclComm_t comm) {
  const RuntimeLock lock(RuntimeMutex());
  if (comm == nullptr || From(comm)->has_ended) return Misuse("ncclCommAbort of no communicator");
  End(*From(comm));
  return ncclSuccess;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state) {
  const RuntimeLock lock(RuntimeMutex());
  if (From(comm)->has_ended) return Misuse("ncclCommGetAsyncError after the communicator's end");
  NcclComm& asked = *From(comm);
  if (asked.state == ncclInProgress) {
    asked.state = asked.advance();
  } else if (asked.questions_until_loss > 0 && --asked.questions_until_loss == 0) {
    asked.state = Fail(ncclRemoteError, "a loss on purpose");
  }
  *state = asked.state;
  return ncclSuccess;
}

const char* ncclGetErrorString(ncclResult_t result) {
  constexpr const char* kNames[] = {
      "no error",     "a CUDA error",  "a system error",           "an internal error",
      "bad argument", "invalid usage", "an error of another rank", "in progress"};
  return result >= 0 && result < ncclNumResults ? kNames[result] : "unknown";
}

const char* ncclGetLastError(ncclComm_t /*comm*/) { return LastError().c_str(); }

ncclResult_t ncclGroupStart() {
  ++GroupOfThread().depth;
  return ncclSuccess;
}

ncclResult_t ncclGroupEnd() {
  const RuntimeLock lock(RuntimeMutex());
  if (GroupOfThread().depth == 0) return Misuse("ncclGroupEnd without ncclGroupStart");
  return --GroupOfThread().depth > 0 ? ncclSuccess : octet::cuda_emu::EndGroup();
}

ncclResult_t ncclSend(const void* data, size_t count, ncclDataType_t type, int peer,
                      ncclComm_t comm, cudaStream_t stream) {
  const RuntimeLock lock(RuntimeMutex());
  auto* const bytes = static_cast<std::byte*>(const_cast<void*>(data));  // which are only read
  return octet::cuda_emu::Call("ncclSend", {true, peer, bytes, count, type}, comm, stream);
}

ncclResult_t ncclRecv(void* data, size_t count, ncclDataType_t type, int peer, ncclComm_t comm,
                      cudaStream_t stream) {
  const RuntimeLock lock(RuntimeMutex());
  auto* const bytes = static_cast<std::byte*>(data);
  return octet::cuda_emu::Call("ncclRecv", {false, peer, bytes, count, type}, comm, stream);
}

}  // extern "C"
