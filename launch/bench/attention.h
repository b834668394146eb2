// The benchmark of attention over the KV cache.

#ifndef OCTET_LAUNCH_BENCH_ATTENTION_H_
#define OCTET_LAUNCH_BENCH_ATTENTION_H_

#include <span>
#include <vector>

#include "launch/bench/kernel_bench.h"

namespace octet {

struct AttentionHeads {
  int heads = 32;
  int kv_heads = 8;
  int head_dim = 128;
};

// Measures a prefill of seq_len tokens; one token of each of 64 sequences of seq_len tokens; and,
// for each length in `contexts`, one token of a sequence. The KV cache of each call is not in the
// processor's caches, like that of a layer in a real step.
std::vector<KernelResult> BenchAttention(const KernelBench& bench, AttentionHeads heads,
                                         int64_t seq_len, std::span<const int64_t> contexts);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_ATTENTION_H_
