// How fast the machines of a job could have done its steps.

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

// Operations of products, a multiplication and an addition each. Those of weights run at the rate
// of the model's dtype, those of attention over the cache at that of float32.
struct Arithmetic {
  double token = 0;    // each token that a step computes, but for the head
  double sampled = 0;  // the head, for each token that is sampled
  double seen = 0;     // attention, for each position that a token sees
};
Arithmetic CountArithmetic(const ModelConfig& config);

// A job and its machines.
struct StepMachine {
  MachineRates rates;
  std::vector<std::string> hosts;  // [ranks]
  double replicated_bytes = 0;     // that a step reads: all replicated weights but the embedding
  Arithmetic arithmetic;
};

// The least time of steps: each takes the longer of reading and computing.
struct Bound {
  double memory = 0;      // seconds to read from DRAM, once, what the steps use: replicated weights
                          // on each host, experts that have tokens, KV cache; on the slowest host
  double arithmetic = 0;  // seconds of products at the rates of all ranks' dot-product instructions
  double seconds = 0;     // sum over steps of the larger one

  const char* limit() const { return arithmetic > memory ? "dot products" : "DRAM reads"; }
};

// steps[r] is the same step on each rank r.
Bound BoundOfStep(const StepMachine& machine, std::span<const StepRecord> steps);

// All steps that prefill, or all others.
struct StepSummary {
  int64_t steps = 0;
  double seconds = 0;
  int64_t prompt_tokens = 0;
  int64_t sampled_tokens = 0;
  int64_t tokens = 0;  // computed: of prompts, and continued
  Times times = {};    // on rank 0
  Bound bound;

  // (token, slot) pairs over all layers: of a rank on average, and of the one that had the most in
  // a layer, for which the others waited.
  double mean_rank_pairs = 0;
  double busiest_rank_pairs = 0;
};

// Sums up records[r][i], step i on rank r: those from `first` on that prefill, or that only decode.
StepSummary Summarize(const StepMachine& machine,
                      const std::vector<std::vector<StepRecord>>& records, size_t first,
                      bool prefills);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_STEP_BOUNDS_H_
