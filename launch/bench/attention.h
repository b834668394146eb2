// Attention over the KV cache.

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

// A prefill of seq_len tokens; one token of each of 64 sequences that are seq_len long; and one
// token of a sequence of each of these lengths. The KV cache of each call is not in processor
// caches, as that of a layer is not when its turn comes again.
std::vector<KernelResult> BenchAttention(const KernelBench& bench, AttentionHeads heads,
                                         int64_t seq_len, std::span<const int64_t> contexts);

}  // namespace octet

#endif  // OCTET_LAUNCH_BENCH_ATTENTION_H_
