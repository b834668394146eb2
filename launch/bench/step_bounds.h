// The bounds of a job's steps by its machines.

#ifndef OCTET_LAUNCH_BENCH_STEP_BOUNDS_H_
#define OCTET_LAUNCH_BENCH_STEP_BOUNDS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "launch/bench/probes.h"
#include "launch/bench/step_record.h"
#include "runtime/checkpoint/model_config.h"

namespace octet {

// The operations of products; a multiplication and an addition count as two. Products with weights
// run at the rate of the model's dtype, those of attention over the cache at that of float32.
struct Arithmetic {
  double token = 0;  // for each token that a step computes, but for what only sampled ones need
  double last = 0;   // for each token that the last layer goes on with after it has stored its key
  double sampled = 0;  // the head, for each token that is sampled
  double seen = 0;     // attention, for each position that a token sees in a layer
};
Arithmetic CountArithmetic(const ModelConfig& config);

// A job and its machines.
struct StepMachine {
  MachineRates rates;
  std::vector<std::string> hosts;  // [ranks]
  double replicated_bytes = 0;     // read by a step: all replicated weights but the embedding
  Arithmetic arithmetic;
};

// The least time of steps: each takes at least the longer of reading and computing.
struct Bound {
  double memory = 0;      // seconds to read once from DRAM what the steps use, on the slowest host:
                          // replicated weights of the host, experts that have tokens, KV cache
  double arithmetic = 0;  // seconds of products at the rates of all ranks' dot-product instructions
  double seconds = 0;     // sum over steps of the larger one

  const char* limit() const { return arithmetic > memory ? "dot products" : "DRAM reads"; }
};

// Returns the bound of a step. steps[r] is the record of that step on rank r.
Bound BoundOfStep(const StepMachine& machine, std::span<const StepRecord> steps);

// The sums over all steps that prefill, or over all others.
struct StepSummary {
  int64_t steps = 0;
  double seconds = 0;
  int64_t prompt_tokens = 0;
  int64_t sampled_tokens = 0;
  int64_t tokens = 0;  // computed: prompt tokens, and tokens of continued answers
  Times times = {};    // on rank 0
  Bound bound;

  // (token, slot) pairs over all layers: of a rank on average, and of the rank with the most in
  // each layer, for which the others waited.
  double mean_rank_pairs = 0;
  double busiest_rank_pairs = 0;
};

// Sums up records[r][i], the record of step i on rank r, over the steps from `first` on that
// prefill, or over those that only decode. Without rates of the machine there is no bound.
StepSummary Summarize(const StepMachine& machine,
                      const std::vector<std::vector<StepRecord>>& records, size_t first,
                      bool prefills);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_STEP_BOUNDS_H_
