// Forced routing: which experts tokens go to in an experiment.

#ifndef OCTET_LAUNCH_BENCH_ROUTING_LOAD_H_
#define OCTET_LAUNCH_BENCH_ROUTING_LOAD_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "runtime/io/file.h"
#include "runtime/model/routing_hooks.h"

namespace octet {

// The flag by which a load is named; messages begin with it.
inline constexpr char kRoutingFlag[] = "--routing";

// What the load is for.
struct RoutingShape {
  int num_layers = 1;
  int num_experts = 0;
  int topk = 0;
  int64_t prompt_len = 0;  // of every line: positions from here on are decoded
  int64_t seed = 0;
};

// Gives each token of each layer its experts. For one thread at a time.
class RoutingLoad {
 public:
  virtual ~RoutingLoad() = default;

  // Fills `experts` with top k different ones, which follow from the arguments and what the load
  // was made from alone. `line` and `position` are from 0. Allocates nothing.
  virtual void Choose(int layer, int64_t line, int64_t position, std::span<int32_t> experts) = 0;

  // The same for loads that choose alike.
  virtual uint64_t fingerprint() const = 0;
};

// `text` is "uniform", "zipf:S", "all-on:A,B,...", "counts:FILE" or "trace:FILE" (README.md). Reads
// the file whole. Errors say what is wrong with it.
absl::StatusOr<std::unique_ptr<RoutingLoad>> ReadRoutingLoad(FileSystem& files,
                                                             const std::string& text,
                                                             const RoutingShape& shape);

// Sends tokens where the load says. It must outlive what is returned.
ExpertOverride OverrideBy(RoutingLoad& load);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_ROUTING_LOAD_H_
