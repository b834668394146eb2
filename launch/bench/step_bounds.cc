#include "launch/bench/step_bounds.h"

#include <algorithm>
#include <map>

namespace octet {

Arithmetic CountArithmetic(const ModelConfig& c) {
  const double hidden = c.hidden_size;
  const double q_dim = static_cast<double>(c.num_heads) * c.head_dim;
  const double kv_dim = static_cast<double>(c.num_kv_heads) * c.head_dim;
  const double qkv = hidden * (q_dim + 2 * kv_dim);
  const double output = hidden * q_dim;
  const double router = hidden * c.num_experts;
  const double experts = 3.0 * c.experts_per_token * hidden * c.intermediate_size;
  return {.token = 2 * ((c.num_layers - 1) * (qkv + output + router + experts) + qkv),
          .last = 2 * (output + router + experts),
          .sampled = 2 * hidden * c.vocab_size,
          .seen = 4 * q_dim};
}

Bound BoundOfStep(const StepMachine& machine, std::span<const StepRecord> steps) {
  struct Host {
    double bytes = 0;
    double bytes_per_second = 0;
  };
  std::map<std::string, Host> hosts;
  double operations = static_cast<double>(steps[0].sampled_tokens) * machine.arithmetic.sampled;
  double attention = 0;
  for (size_t r = 0; r < steps.size(); ++r) {
    Host& host = hosts[machine.hosts[r]];
    host.bytes += static_cast<double>(steps[r].expert_bytes + steps[r].kv_bytes);
    host.bytes_per_second += machine.rates.dram[r];
    operations += static_cast<double>(steps[r].tokens) * machine.arithmetic.token +
                  static_cast<double>(steps[r].last_tokens) * machine.arithmetic.last;
    attention += static_cast<double>(steps[r].positions_seen) * machine.arithmetic.seen;
  }
  Bound bound = {.arithmetic = operations / machine.rates.dot_products +
                               attention / machine.rates.float32_products};
  for (const auto& [name, host] : hosts) {
    bound.memory =
        std::max(bound.memory, (host.bytes + machine.replicated_bytes) / host.bytes_per_second);
  }
  bound.seconds = std::max(bound.memory, bound.arithmetic);
  return bound;
}

StepSummary Summarize(const StepMachine& machine,
                      const std::vector<std::vector<StepRecord>>& records, size_t first,
                      bool prefills) {
  StepSummary sum;
  std::vector<StepRecord> step(records.size());
  for (size_t i = first; i < records[0].size(); ++i) {
    const StepRecord& root = records[0][i];
    if (root.prefills() != prefills) continue;
    for (size_t r = 0; r < records.size(); ++r) step[r] = records[r][i];
    ++sum.steps;
    sum.seconds += root.seconds;
    sum.prompt_tokens += root.prompt_tokens;
    sum.sampled_tokens += root.sampled_tokens;
    for (const StepRecord& s : step) {
      sum.tokens += s.tokens;
      sum.mean_rank_pairs += s.mean_rank_pairs;
      sum.busiest_rank_pairs += static_cast<double>(s.busiest_rank_pairs);
    }
    for (int t = 0; t < kNumTimes; ++t) sum.times[t] += root.times[t];
    if (machine.rates.dram.empty()) continue;
    const Bound bound = BoundOfStep(machine, step);
    sum.bound.memory += bound.memory;
    sum.bound.arithmetic += bound.arithmetic;
    sum.bound.seconds += bound.seconds;
  }
  return sum;
}

}  // namespace octet
