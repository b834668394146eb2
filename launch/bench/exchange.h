// octet bench exchange: the cost of an MoE layer's exchange, beside MPI's own messages.

#ifndef OCTET_LAUNCH_BENCH_EXCHANGE_H_
#define OCTET_LAUNCH_BENCH_EXCHANGE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "launch/bench/mpi_messages.h"
#include "launch/setup/placement_choice.h"
#include "launch/subcommand.h"
#include "proto/machine_profile.pb.h"

namespace octet {

struct ExchangeBenchOptions {
  std::vector<int64_t> tokens = {1, 16, 64, 512, 2048};  // of each rank
  int64_t hidden_size = 4096;
  int num_experts = 8;
  int topk = 2;
  std::string dtype = "bfloat16";  // of the rows that experts get
  PlacementChoice placement;
  int64_t seed = 1;
  int threads =
      0;  // of each rank; 0 means the cores that it may use, divided by the ranks that share them
};

// Collective. Prints tables of messages and, for each number of tokens, the times of routing,
// dispatch and combine, the bound by `plain` messages, and whether all ranks got the right values.
// The result is complete on rank 0. kInvalidArgument, before anything is measured: the options are
// invalid, or there is only one rank. kInternal: a rank, which is named, got wrong values.
absl::StatusOr<ExchangeProfile> BenchExchange(Communicator& comm, PlainExchange plain,
                                              const ExchangeBenchOptions& options,
                                              std::ostream& out);

std::unique_ptr<Subcommand> AddBenchExchange(CommandLine& bench);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_EXCHANGE_H_
