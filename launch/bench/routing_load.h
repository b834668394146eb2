// Forced routing: the experts of tokens in an experiment.

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

// The flag that names a load; messages begin with it.
inline constexpr char kRoutingFlag[] = "--routing";

// The shape of the model and the prompts that a load is for.
struct RoutingShape {
  int num_layers = 1;
  int num_experts = 0;
  int topk = 0;
  int64_t prompt_len = 0;  // of every line: positions from here on are decoded
  int64_t seed = 0;
};

// A load that gives each token its experts in each layer. For one thread at a time.
class RoutingLoad {
 public:
  virtual ~RoutingLoad() = default;

  // Fills `experts` with top k different ones, which depend only on the arguments and the load's
  // source. `line` and `position` are from 0. Allocates nothing.
  virtual void Choose(int layer, int64_t line, int64_t position, std::span<int32_t> experts) = 0;

  // Returns a number that is the same for loads that choose alike.
  virtual uint64_t fingerprint() const = 0;
};

// Makes a load. `text` is "uniform", "zipf:S", "all-on:A,B,...", "counts:FILE" or "trace:FILE"
// (README.md). Reads the whole file. Errors say what is wrong with it.
absl::StatusOr<std::unique_ptr<RoutingLoad>> ReadRoutingLoad(FileSystem& files,
                                                             const std::string& text,
                                                             const RoutingShape& shape);

// Returns an override that sends tokens to the load's experts. The load must outlive it.
ExpertOverride OverrideBy(RoutingLoad& load);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_ROUTING_LOAD_H_
