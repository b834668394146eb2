// What a machine can do at most, measured: the physical bounds that benchmarks compare with.

#ifndef OCTET_LAUNCH_BENCH_PROBES_H_
#define OCTET_LAUNCH_BENCH_PROBES_H_

#include <absl/functional/function_ref.h>

#include <cstdint>
#include <vector>

#include "kernels/base/dtype.h"
#include "kernels/cpu/isa.h"
#include "launch/bench/mpi_messages.h"
#include "parallel/transport/communicator.h"
#include "proto/machine_profile.pb.h"

namespace octet {

// The median of 7 calls, after one that does not count.
double MedianSeconds(absl::FunctionRef<void()> f);

// Memory that each thread goes through, where nothing else is said: more than caches hold.
inline constexpr int64_t kProbedBytes = int64_t{256} << 20;

// Bytes per second that the threads read together with the path's vectors, each so many bytes of
// its own, in 1, 4 and 8 streams of which it reads 1 KiB at a time in turn.
std::vector<DramRate> ProbeDram(Isa isa, int num_threads, int64_t bytes_per_thread = kProbedBytes);

// That of as many streams as is best.
double DramBandwidth(Isa isa, int num_threads);

// Bytes per second that the threads read and write, together, as they copy half of so much memory
// of their own to the other half.
double DramCopyRate(int num_threads, int64_t bytes_per_thread = kProbedBytes);

// Floating-point operations per second of the path's dot-product instruction on registers, all
// threads.
double DotProductRate(Isa isa, DType dtype, int num_threads);

// The same of products of 64 rows with weights that half of the core's L2 cache holds.
double L2DotProductRate(Isa isa, DType dtype, int num_threads);

// All-to-all exchanges in which each rank sends a message of so many bytes to each other rank.
struct ExchangeRate {
  int64_t message_bytes = 0;
  double seconds = 0;           // of one exchange, on this rank
  double bytes_per_second = 0;  // that this rank sends to others
};

// Collective: by ascending message size, 1 KiB to 4 MiB; nothing on one rank.
std::vector<ExchangeRate> ProbeExchange(Communicator& comm);

// Collective: the same by `exchange`, for rank `rank` of so many.
std::vector<ExchangeRate> ProbeExchange(int rank, int num_ranks, PlainExchange exchange);

// Collective: one number of each rank, on rank 0; nothing on the others.
std::vector<double> GatherNumbers(Communicator& comm, double mine);

// What the machines of a job can do while all of its ranks work.
struct MachineRates {
  std::vector<double> dram;  // [ranks] bytes per second that each rank reads
  double dot_products = 0;  // floating-point operations per second of the dtype, all ranks together
  double float32_products = 0;
  std::vector<ExchangeRate> exchange;  // of rank 0
};

// Collective: measures with so many threads on each rank. Whole on rank 0.
MachineRates ProbeMachines(Communicator& world, Isa isa, DType dtype, int num_threads);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_PROBES_H_
