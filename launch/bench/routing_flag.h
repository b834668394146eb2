// The flag --routing of the benchmarks.

#ifndef OCTET_LAUNCH_BENCH_ROUTING_FLAG_H_
#define OCTET_LAUNCH_BENCH_ROUTING_FLAG_H_

#include <absl/status/status.h>

#include <memory>
#include <string>

#include "launch/bench/routing_load.h"
#include "parallel/transport/communicator.h"

namespace octet {

class CommandLine;

// Adds the flag. `otherwise` says what the benchmark does without it.
void AddRoutingFlag(CommandLine& line, std::string& text, const std::string& otherwise);

// Reads the load of a job; null if `text` is empty. An error is that of this rank.
absl::StatusOr<std::unique_ptr<RoutingLoad>> ReadJobRouting(FileSystem& files,
                                                            const std::string& text,
                                                            const RoutingShape& shape);

// Collective. Returns OK if all ranks have the same load; all null counts as the same.
absl::Status AgreeOnRouting(Communicator& world, const RoutingLoad* load);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_ROUTING_FLAG_H_
