// The measured greatest rates of a machine: the physical bounds that benchmarks compare with.

#ifndef OCTET_LAUNCH_BENCH_PROBES_H_
#define OCTET_LAUNCH_BENCH_PROBES_H_

#include <absl/functional/function_ref.h>

#include <cstdint>
#include <vector>

#include "kernels/base/weight_format.h"
#include "kernels/cpu/isa.h"
#include "launch/bench/mpi_messages.h"
#include "parallel/transport/communicator.h"
#include "proto/machine_profile.pb.h"

namespace octet {

// Returns the median time of 7 calls, after one that does not count.
double MedianSeconds(absl::FunctionRef<void()> f);

// The default memory that each thread uses: more than caches hold.
inline constexpr int64_t kProbedBytes = int64_t{256} << 20;

// Measures the bytes per second that the threads read together with the path's vectors. Each thread
// reads `bytes_per_thread` of its own, in 1, 4 and 8 streams, 1 KiB of each in turn.
std::vector<DramRate> ProbeDram(Isa isa, int num_threads, int64_t bytes_per_thread = kProbedBytes);

// Returns the rate of the best number of streams.
double DramBandwidth(Isa isa, int num_threads);

// Measures the bytes per second that the threads read and write together. Each copies half of
// `bytes_per_thread` of its own memory to the other half.
double DramCopyRate(int num_threads, int64_t bytes_per_thread = kProbedBytes);

// Measures the operations per second of the path's dot-product instruction for weights of the
// format on registers, with all threads. Quantised formats have one instruction, for bytes.
double DotProductRate(Isa isa, WeightFormat format, int num_threads);

// The same for products of 64 rows with weights that fit half of the core's L2 cache.
double L2DotProductRate(Isa isa, WeightFormat format, int num_threads);

// The rate of all-to-all exchanges in which each rank sends a message of `message_bytes` bytes to
// each other rank.
struct ExchangeRate {
  int64_t message_bytes = 0;
  double seconds = 0;           // of one exchange, on this rank
  double bytes_per_second = 0;  // that this rank sends to others
};

// Collective. Measures exchanges by ascending message size, 1 KiB to 4 MiB; nothing on one rank.
std::vector<ExchangeRate> ProbeExchange(Communicator& comm);

// Collective. The same with `exchange`, for rank `rank` of `num_ranks`.
std::vector<ExchangeRate> ProbeExchange(int rank, int num_ranks, PlainExchange exchange);

// Collective. Return one number, or as many, of each rank, on rank 0; nothing on the others.
std::vector<double> GatherNumbers(Communicator& comm, double mine);
std::vector<std::vector<double>> GatherNumbers(Communicator& comm, const std::vector<double>& mine);

// The rates of a job's machines while all of its ranks work.
struct MachineRates {
  std::vector<double> dram;  // [ranks] bytes per second that each rank reads
  double dot_products = 0;   // operations per second on weights of the model, all ranks together
  double float32_products = 0;
  std::vector<ExchangeRate> exchange;  // of rank 0
};

// The rates at which one rank reads memory, and computes products of weights and of float32.
struct RankRates {
  double dram = 0;
  double dot_products = 0;
  double float32_products = 0;
};

// Measures with `num_threads` threads of this rank, for weights of the format.
RankRates ProbeProcessor(Isa isa, WeightFormat format, int num_threads);

// Collective. All ranks call `probe` at the same time. The result is complete on rank 0.
MachineRates ProbeMachines(Communicator& world, absl::FunctionRef<RankRates()> probe);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_PROBES_H_
