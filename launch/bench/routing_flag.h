// --routing of the benchmarks.

#ifndef OCTET_LAUNCH_BENCH_ROUTING_FLAG_H_
#define OCTET_LAUNCH_BENCH_ROUTING_FLAG_H_

#include <absl/status/status.h>

#include <memory>
#include <string>

#include "launch/bench/routing_load.h"
#include "parallel/transport/communicator.h"

namespace octet {

class CommandLine;

// Adds the flag; what it does without one stands in `otherwise`.
void AddRoutingFlag(CommandLine& line, std::string& text, const std::string& otherwise);

// The load of a job; null where `text` is empty. An error is of this rank.
absl::StatusOr<std::unique_ptr<RoutingLoad>> ReadJobRouting(FileSystem& files,
                                                            const std::string& text,
                                                            const RoutingShape& shape);

// Collective: OK where all ranks were given the same load; null is one.
absl::Status AgreeOnRouting(Communicator& world, const RoutingLoad* load);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_ROUTING_FLAG_H_
