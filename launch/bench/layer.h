// octet bench layer: the parts of a model's layer by the number of tokens.

#ifndef OCTET_LAUNCH_BENCH_LAYER_H_
#define OCTET_LAUNCH_BENCH_LAYER_H_

#include <memory>

#include "launch/subcommand.h"

namespace octet {

std::unique_ptr<Subcommand> AddBenchLayer(CommandLine& bench);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_LAYER_H_
