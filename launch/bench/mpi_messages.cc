#include "launch/bench/mpi_messages.h"

#include <mpi.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "kernels/base/check.h"

namespace octet {
namespace {

// The tag of these messages. Communicators use duplicates of MPI_COMM_WORLD, so their messages
// cannot be mistaken for these.
constexpr int kTag = 1;

// MPI counts bytes in an int.
constexpr size_t kMostBytes = size_t{1} << 30;

// The longest wait. This code cannot distinguish a rank that stands still from a slow one, but
// never waits forever.
constexpr std::chrono::seconds kPatience(120);

void WaitForAll(std::vector<MPI_Request>& requests) {
  const auto start = std::chrono::steady_clock::now();
  int done = 0;
  for (int64_t polls = 1;; ++polls) {
    MPI_Testall(static_cast<int>(requests.size()), requests.data(), &done, MPI_STATUSES_IGNORE);
    if (done != 0) return;
    sched_yield();
    if (polls % 1024 == 0) {
      OCTET_CHECK(std::chrono::steady_clock::now() - start < kPatience)
          << "plain MPI messages of octet bench exchange did not arrive";
    }
  }
}

}  // namespace

void ExchangeMpiMessages(std::span<const ConstBytes> send, std::span<const Bytes> recv) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  std::vector<MPI_Request> requests;
  const auto start = [&](int peer, size_t bytes, const auto& move) {
    if (peer == rank) return;
    for (size_t at = 0; at < bytes; at += kMostBytes) {
      move(at, static_cast<int>(std::min(kMostBytes, bytes - at)),
           &requests.emplace_back(MPI_REQUEST_NULL));
    }
  };
  for (int r = 0; r < std::ssize(recv); ++r) {
    start(r, recv[r].size(), [&](size_t at, int count, MPI_Request* request) {
      MPI_Irecv(recv[r].data() + at, count, MPI_BYTE, r, kTag, MPI_COMM_WORLD, request);
    });
  }
  for (int r = 0; r < std::ssize(send); ++r) {
    start(r, send[r].size(), [&](size_t at, int count, MPI_Request* request) {
      MPI_Isend(send[r].data() + at, count, MPI_BYTE, r, kTag, MPI_COMM_WORLD, request);
    });
  }
  WaitForAll(requests);
}

}  // namespace octet
