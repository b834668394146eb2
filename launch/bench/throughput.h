// octet bench throughput: a whole model, step by step, beside its physical bounds.

#ifndef OCTET_LAUNCH_BENCH_THROUGHPUT_H_
#define OCTET_LAUNCH_BENCH_THROUGHPUT_H_

#include <memory>

#include "launch/subcommand.h"

namespace octet {

std::unique_ptr<Subcommand> AddBenchThroughput(CommandLine& bench);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_THROUGHPUT_H_
