#include "runtime/engine/draft_scale.h"

#include <cmath>

#include "runtime/engine/prompt_lookup.h"

namespace octet {
namespace {

// Costs are in reads of one expert's weights from memory. In Mixtral 8x7B and 8x22B, a layer's
// other weights are 0.24 and 0.29 of an expert's.
constexpr double kReplicated = 0.25;

// A token's arithmetic against the reads of its weights. Measured by `octet bench throughput`
// (prefill of 512 tokens against decode of 1): 1/13 to 1/26.
constexpr double kArithmetic = 1.0 / 16;

}  // namespace

DraftScale::DraftScale(const DraftLimits& limits, int64_t num_tokens)
    : limits_(limits),
      num_tokens_(num_tokens),
      num_right_(static_cast<double>(num_tokens)),
      cost_(Cost(num_tokens)) {}

bool DraftScale::Take(int num_right, int64_t n) {
  if (limits_.only_cheap) {
    const double is_right = (num_right + 0.5) / (PromptLookup::kWindow + 1);
    const double more_right = std::pow(is_right, n);
    const double cost = Cost(num_tokens_ + 1);
    if (more_right * cost_ <= num_right_ * (cost - cost_)) return false;
    num_right_ += more_right;
    cost_ = cost;
  }
  ++num_tokens_;
  return true;
}

// The experts that some token chooses are counted as if all were chosen alike often.
double DraftScale::Cost(int64_t num_tokens) const {
  const double of_token = static_cast<double>(limits_.topk) / limits_.num_experts;
  const double unused = std::pow(1 - of_token, static_cast<double>(num_tokens));
  return kReplicated + limits_.num_experts * (1 - unused) +
         kArithmetic * (kReplicated + limits_.topk) * static_cast<double>(num_tokens);
}

}  // namespace octet
