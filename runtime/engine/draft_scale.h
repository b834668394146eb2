// Which draft tokens of a step are worth their computation.

#ifndef OCTET_RUNTIME_ENGINE_DRAFT_SCALE_H_
#define OCTET_RUNTIME_ENGINE_DRAFT_SCALE_H_

#include <cstdint>

namespace octet {

// The draft tokens that steps may have.
struct DraftLimits {
  // The most that fit into one more page than a sequence has.
  static constexpr int64_t kMost = 32;

  int64_t of_sequence = 0;  // in one step, up to kMost; 0: none
  bool only_cheap = false;  // only those that DraftScale takes

  // The model's, for DraftScale.
  int num_experts = 1;
  int topk = 1;
};

// A scale for the tokens of one step: on one side those that are computed and will probably be
// right, on the other what the step costs. A draft token is taken if it makes a right token
// cheaper. All of it follows from counts.
//
// Where few tokens are computed, a step takes the time in which memory delivers its weights: the
// replicated ones and each expert that some token chooses. With many tokens, arithmetic decides.
class DraftScale {
 public:
  // num_tokens: of the step, without draft tokens.
  DraftScale(const DraftLimits& limits, int64_t num_tokens);

  // Decides about a sequence's n-th draft token, n from 1 on, if those before were taken.
  // num_right: PromptLookup's.
  bool Take(int num_right, int64_t n);

 private:
  double Cost(int64_t num_tokens) const;

  const DraftLimits limits_;
  int64_t num_tokens_;  // that the step computes
  double num_right_;    // of these, as is to be expected
  double cost_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_DRAFT_SCALE_H_
