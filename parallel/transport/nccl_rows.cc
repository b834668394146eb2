#include "parallel/transport/nccl_rows.h"

#include <absl/status/status.h>
#include <absl/strings/str_cat.h>
#include <nccl.h>

#include <atomic>
#include <cstring>
#include <map>
#include <thread>
#include <utility>
#include <vector>

#include "kernels/base/activity.h"
#include "kernels/base/check.h"
#include "parallel/transport/agreement.h"
#include "parallel/transport/collectives.h"
#include "parallel/transport/nccl_version.h"

namespace octet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kOtherTransport = "use --row-transport mpi";

// What went wrong, for a message.
std::string Explain(const char* call, ncclResult_t result, ncclComm_t nccl) {
  const char* more = ncclGetLastError(nccl);
  return absl::StrCat(call, ": ", ncclGetErrorString(result),
                      more == nullptr || *more == '\0' ? "" : absl::StrCat(" (", more, ")"));
}

// How far `nccl` is with what it was asked for last.
ncclResult_t StateOf(ncclComm_t nccl) {
  ncclResult_t state = ncclSuccess;
  const ncclResult_t result = ncclCommGetAsyncError(nccl, &state);
  return result == ncclSuccess ? state : result;
}

// It may go on after the call.
ncclResult_t Begun(ncclResult_t result) { return result == ncclInProgress ? ncclSuccess : result; }

// Waits until it has an end, or the time is over: ncclInProgress. This rank gives signs meanwhile:
// not the Watchdog but the deadline ends the wait.
ncclResult_t FinishWithin(std::chrono::seconds timeout, ncclComm_t nccl, ncclResult_t result) {
  constexpr std::chrono::milliseconds kPause(1);
  const Clock::time_point deadline = Clock::now() + timeout;
  while (result == ncclInProgress && Clock::now() < deadline) {
    Activity::OfThisThread().Tick();
    std::this_thread::sleep_for(kPause);
    result = StateOf(nccl);
  }
  return result;
}

// The work of a stream that ranks wait for.
class StreamWork : public PendingWork {
 public:
  StreamWork(int num_ranks, cudaStream_t stream) : stream_(stream), is_peer_(num_ranks) {}

  void AddPeer(int rank) { is_peer_[rank] = true; }

  bool Poll() override {
    const cudaError_t error = cudaStreamQuery(stream_);
    is_idle_ = error == cudaSuccess;
    if (is_idle_ || error == cudaErrorNotReady) return is_idle_;
    Fatal(__FILE__, __LINE__,
          absl::StrCat("rows between CUDA devices: ", cudaGetErrorString(error)));
  }

  // NCCL does not tell a rank that is late from one whose bytes are on their way.
  bool all_have_come() const override { return true; }
  int64_t moves() const override { return 0; }
  void Visit(Visitor visit) const override {
    for (int r = 0; r < std::ssize(is_peer_); ++r) {
      if (is_peer_[r]) visit({.rank = r, .late = !is_idle_, .moved = 0});
    }
  }

 private:
  cudaStream_t stream_;
  std::vector<bool> is_peer_;  // [ranks] since the beginning: a graph exchanges rows without a call
  bool is_idle_ = true;
};

class NcclRows : public RowTransport {
 public:
  NcclRows(Communicator& comm, ncclComm_t nccl, cudaStream_t stream, std::chrono::seconds timeout)
      : comm_(comm),
        nccl_(nccl),
        stream_(stream),
        timeout_(timeout),
        work_(comm.size(), stream),
        errors_(*this) {
    comm_.Attend(errors_);
  }
  NcclRows(const NcclRows&) = delete;
  NcclRows& operator=(const NcclRows&) = delete;

  ~NcclRows() override {
    comm_.Leave(errors_);
    const ncclComm_t nccl = nccl_.load();
    if (nccl == nullptr) return;
    Expect("ncclCommFinalize", FinishWithin(timeout_, nccl, ncclCommFinalize(nccl)));
    Expect("ncclCommDestroy", ncclCommDestroy(nccl_.exchange(nullptr)));
  }

  void Exchange(std::span<const RowMessage> send, std::span<const RowMessage> recv) override {
    if (send.empty() && recv.empty()) return;
    const ncclComm_t nccl = nccl_.load();
    OCTET_CHECK(nccl != nullptr) << "an exchange of rows after Abort";
    Expect("ncclGroupStart", ncclGroupStart());
    for (const auto& [rank, rows] : send) {
      const size_t bytes = BytesOf(rows);
      Expect("ncclSend", Begun(ncclSend(rows.data, bytes, ncclUint8, rank, nccl, stream_)));
      work_.AddPeer(rank);
    }
    for (const auto& [rank, rows] : recv) {
      const size_t bytes = BytesOf(rows);
      Expect("ncclRecv", Begun(ncclRecv(rows.data, bytes, ncclUint8, rank, nccl, stream_)));
      work_.AddPeer(rank);
    }
    // Only then is it on the stream. A first exchange makes connections, for which peers must come.
    ncclResult_t result = ncclGroupEnd();
    while (result == ncclInProgress) {
      Activity::OfThisThread().Poll();
      result = StateOf(nccl);
    }
    Expect("ncclGroupEnd", result);
  }

  PendingWork& pending() override { return work_; }

  void Abort() override {
    const ncclComm_t nccl = nccl_.exchange(nullptr);
    if (nccl != nullptr) (void)ncclCommAbort(nccl);
  }

 private:
  // Finds what went wrong between calls, whenever this rank polls. It is never complete.
  class AsyncErrors : public PendingWork {
   public:
    explicit AsyncErrors(NcclRows& rows) : rows_(rows) {}
    bool Poll() override {
      const ncclComm_t nccl = rows_.nccl_.load();
      if (nccl != nullptr) rows_.Expect("an exchange of rows", Begun(StateOf(nccl)));
      return false;
    }
    bool all_have_come() const override { return true; }
    int64_t moves() const override { return 0; }
    void Visit(Visitor /*visit*/) const override {}

   private:
    NcclRows& rows_;
  };

  static size_t BytesOf(const Matrix& rows) {
    OCTET_CHECK(rows.rows > 0 && rows.cols > 0 && rows.stride == rows.cols)
        << rows.rows << " rows of " << rows.cols << " columns, stride " << rows.stride;
    return static_cast<size_t>(rows.rows) * rows.row_bytes();
  }

  // Ends the job if NCCL failed, or did not finish in time.
  void Expect(const char* call, ncclResult_t result) {
    if (result == ncclSuccess) [[likely]]
      return;
    const std::string what = "NCCL: " + Explain(call, result, nccl_.load());
    Abort();
    Fatal(__FILE__, __LINE__, what);
  }

  Communicator& comm_;
  std::atomic<ncclComm_t> nccl_;  // null after Abort
  const cudaStream_t stream_;
  const std::chrono::seconds timeout_;
  StreamWork work_;
  AsyncErrors errors_;
};

// Collective: NCCL would refuse, or hang.
absl::Status CheckDevices(Communicator& comm, const std::string& bus_id) {
  const std::vector<std::string> bus_ids = AllGather(comm, {"devices"}, bus_id);
  std::map<std::pair<std::string, std::string>, int> rank_of;
  for (int r = 0; r < comm.size(); ++r) {
    const auto [other, is_new] = rank_of.try_emplace({comm.hosts()[r], bus_ids[r]}, r);
    if (is_new) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("ranks ", other->second, " and ", r, " on ", comm.hosts()[r],
                     " have the same CUDA device, ", bus_ids[r],
                     ", between which NCCL can't send rows: start fewer ranks on each host, or ",
                     kOtherTransport));
  }
  return absl::OkStatus();
}

// Collective: returns rank 0's.
absl::StatusOr<ncclUniqueId> ShareUniqueId(Communicator& comm) {
  ncclUniqueId id = {};
  const ncclResult_t result = comm.rank() == 0 ? ncclGetUniqueId(&id) : ncclSuccess;
  absl::Status mine;
  if (result != ncclSuccess) {
    mine = absl::InternalError(absl::StrCat("NCCL: ", Explain("ncclGetUniqueId", result, nullptr)));
  }
  if (absl::Status status = AgreeOnStatus(comm, mine); !status.ok()) return status;
  const std::vector<std::string> parts(comm.size(), {id.internal, sizeof(id.internal)});
  Messenger messenger(comm);
  const std::string& text = messenger.ScatterFromRoot({"NCCL id"}, parts);
  std::memcpy(id.internal, text.data(), sizeof(id.internal));
  return id;
}

// Returns why this rank is not connected, and then gives `nccl` up.
absl::Status Connect(const Communicator& comm, const ncclUniqueId& id, std::chrono::seconds timeout,
                     ncclComm_t& nccl) {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  ncclResult_t result = ncclCommInitRankConfig(&nccl, comm.size(), id, comm.rank(), &config);
  result = FinishWithin(timeout, nccl, result);
  if (result == ncclSuccess) return absl::OkStatus();
  const std::string what = Explain("ncclCommInitRankConfig", result, nccl);
  if (nccl != nullptr) (void)ncclCommAbort(std::exchange(nccl, nullptr));
  if (result != ncclInProgress) return absl::InternalError(absl::StrCat("NCCL: ", what));
  return absl::DeadlineExceededError(
      absl::StrCat("NCCL has not connected the ranks within ", timeout.count(),
                   " s: see what NCCL_DEBUG=INFO prints, or ", kOtherTransport));
}

}  // namespace

absl::StatusOr<std::unique_ptr<RowTransport>> MakeNcclRows(Communicator& comm, CUstream_st* stream,
                                                           const std::string& bus_id,
                                                           std::chrono::seconds timeout) {
  const Activity::Scope place({"NCCL"});
  if (absl::Status status = AgreeOnFacts(comm, {{"version of NCCL", DescribeNccl()}});
      !status.ok()) {
    return status;
  }
  if (absl::Status status = CheckDevices(comm, bus_id); !status.ok()) return status;
  const absl::StatusOr<ncclUniqueId> id = ShareUniqueId(comm);
  if (!id.ok()) return id.status();
  ncclComm_t nccl = nullptr;
  const absl::Status mine = Connect(comm, *id, timeout, nccl);
  if (absl::Status status = AgreeOnStatus(comm, mine); !status.ok()) {
    if (nccl != nullptr) (void)ncclCommAbort(nccl);
    return status;
  }
  return std::make_unique<NcclRows>(comm, nccl, stream, timeout);
}

}  // namespace octet
