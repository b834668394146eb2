// octet bench exchange: what an MoE layer's exchange costs, beside MPI's own messages.

#ifndef OCTET_LAUNCH_BENCH_EXCHANGE_H_
#define OCTET_LAUNCH_BENCH_EXCHANGE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "launch/bench/mpi_messages.h"
#include "launch/placement_choice.h"
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
  int threads = 0;  // of each rank; 0: the cores that it may use, divided by those who share them
};

// Collective: prints tables of messages, and for each number of tokens what routing, dispatch and
// combine take, the bound by `plain` messages, and whether all ranks got what they must. Whole on
// rank 0. kInvalidArgument, before anything is measured: options that make no sense, or one rank.
// kInternal: a rank, which is named, got what is wrong.
absl::StatusOr<ExchangeProfile> BenchExchange(Communicator& comm, PlainExchange plain,
                                              const ExchangeBenchOptions& options,
                                              std::ostream& out);

std::unique_ptr<Subcommand> AddBenchExchange(CommandLine& bench);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_EXCHANGE_H_
