#include "runtime/engine/step_memory.h"

#include <algorithm>
#include <bit>
#include <cstdint>

#include "kernels/base/attention.h"
#include "kernels/base/backend.h"
#include "parallel/dispatch/dispatch_limits.h"
#include "runtime/engine/model_runner.h"

namespace octet {
namespace {

constexpr int64_t kFloat = sizeof(float);

// Devices exchange rows of all ranks at once, hosts in rounds.
int64_t TokensAtATime(const EngineOptions& options) {
  const SchedulerLimits& limits = options.limits;
  if (!options.is_on_host) return limits.max_num_batched_tokens;
  const DispatchLimits of_rank = {.max_tokens = limits.MaxTokensPerRank()};
  return std::min<int64_t>(limits.max_num_batched_tokens,
                           of_rank.tokens_at_a_time(limits.group_size));
}

// The tokens for which a step that only decodes has room, to all ranks.
int64_t RoomOfDecode(const EngineOptions& options) {
  return options.limits.decode_room * options.limits.group_size;
}

// Results of splits of attention, for contexts up to the next power of two, for which steps are
// recorded.
int64_t SplitBytes(const ModelConfig& config, const EngineOptions& options) {
  if (options.is_on_host || options.dtype != DType::kBF16) return 0;
  const auto positions = std::bit_ceil(static_cast<uint64_t>(options.max_model_len));
  return MostSplitBytes(options.limits.MaxTokensPerRank(), config.num_kv_heads, config.head_dim,
                        static_cast<int64_t>(positions));
}

// The numbers that determine all sizes.
struct StepShape {
  StepShape(const ModelConfig& config, const EngineOptions& options)
      : own_tokens(options.limits.MaxTokensPerRank()),
        tokens_at_a_time(TokensAtATime(options)),
        topk(config.experts_per_token),
        sent_rows(
            std::max(own_tokens * topk, RoomOfDecode(options) * std::max<int64_t>(1, topk - 1))),
        hidden(config.hidden_size),
        intermediate(config.intermediate_size),
        q_dim(int64_t{config.num_heads} * config.head_dim),
        kv_dim(int64_t{config.num_kv_heads} * config.head_dim),
        vocab(config.vocab_size),
        row_bytes(static_cast<int64_t>(RowBytes(options.row_dtype, config.hidden_size))),
        element(options.quantised_experts ? kFloat : static_cast<int64_t>(SizeOf(options.dtype))),
        quantised(options.quantised_experts),
        expert_rows(options.is_on_host
                        ? std::min(tokens_at_a_time * topk, Backend::kExpertRowsAtATime)
                        : tokens_at_a_time * topk),
        split_bytes(SplitBytes(config, options)) {}

  int64_t own_tokens;        // of this rank
  int64_t tokens_at_a_time;  // that its experts compute at a time
  int64_t topk;
  int64_t sent_rows;  // to all ranks, and back from them
  int64_t hidden;
  int64_t intermediate;
  int64_t q_dim;
  int64_t kv_dim;
  int64_t vocab;
  int64_t row_bytes;  // of a row that travels to experts
  int64_t element;    // bytes of a number between the products
  bool quantised;
  int64_t expert_rows;  // that are computed together
  int64_t split_bytes;  // of attention
};

// Returns the bytes of the matrices of one step that is not divided. Attention, experts and logits
// use the same memory, one after the other.
int64_t WorkspaceBytes(const StepShape& s) {
  const int64_t states = s.own_tokens * 3 * s.hidden * kFloat;
  const int64_t attention = s.own_tokens * (2 * s.q_dim + 2 * s.kv_dim) * kFloat;
  const int64_t leaving = s.sent_rows * s.row_bytes;  // to other hosts
  const int64_t expert_outputs = s.tokens_at_a_time * s.topk * s.hidden * kFloat;
  const int64_t logits =
      (ModelRunner::kLogitRows + ModelRunner::kProbabilityRows + Sampler::kMostRows) * s.vocab *
      kFloat;
  return states + std::max({attention, leaving + expert_outputs, logits});
}

// Returns the bytes of tokens that are staged and that come from other hosts, and of outputs that
// come back and that go to other hosts.
int64_t ExchangeBytes(const StepShape& s) {
  const int64_t tokens = s.own_tokens + s.tokens_at_a_time;
  const int64_t outputs = s.sent_rows + s.tokens_at_a_time * s.topk;
  return tokens * s.row_bytes + outputs * s.hidden * kFloat;
}

// Returns the bytes of rows in the kernels' layout, of the experts' values between their products,
// or of splits of attention.
int64_t ScratchBytes(const StepShape& s) {
  constexpr int64_t kAlignment = int64_t{1} << 16;
  // Rows of 8 bits have scales and sums. The values between are floats first.
  const int64_t scales = s.quantised ? s.expert_rows * (s.hidden + s.intermediate) : 0;
  const int64_t experts = s.expert_rows * (s.hidden + s.intermediate) * s.element + scales;
  const int64_t router = s.own_tokens * s.hidden * kFloat;
  const int64_t others = s.own_tokens * std::max(s.hidden, s.q_dim) * s.element;
  return std::max({experts, router, others, s.split_bytes}) + kAlignment;
}

}  // namespace

StepMemory::StepMemory(const ModelConfig& config, const EngineOptions& options) {
  const StepShape shape(config, options);
  // The second micro-batch has half of the tokens.
  const auto second = [&options](int64_t bytes) {
    return options.limits.overlap_tokens > 0 ? (bytes + 1) / 2 : 0;
  };
  const int64_t step = WorkspaceBytes(shape);
  const int64_t exchanged = ExchangeBytes(shape);
  workspace = static_cast<size_t>(step);
  second_workspace = static_cast<size_t>(second(step));
  exchange = static_cast<size_t>(exchanged + second(exchanged));
  scratch = static_cast<size_t>(ScratchBytes(shape));
}

}  // namespace octet
