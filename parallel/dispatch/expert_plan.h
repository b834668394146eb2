// What this rank's experts compute in one layer.

#ifndef OCTET_PARALLEL_DISPATCH_EXPERT_PLAN_H_
#define OCTET_PARALLEL_DISPATCH_EXPERT_PLAN_H_

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/base/row_sums.h"
#include "parallel/dispatch/letter.h"

namespace octet {

// What one home sends to this rank.
struct IncomingPairs {
  std::span<const RoutedPair> pairs;  // in the order of its tokens and slots
  int32_t first_row = 0;              // where row 0 of its pairs lies
  int32_t first_result = 0;           // where the first row that goes back to it is written
};

struct ExpertPlan {
  std::vector<int32_t> offsets;  // [local experts + 1] into rows
  std::vector<int32_t> rows;     // of each (token, slot) pair, grouped by local expert
  RowSums returns;               // of the experts' outputs, home by home in the order of its pairs

  // Makes room for plans of so many pairs.
  void Reserve(int64_t num_pairs) {
    rows.reserve(num_pairs);
    returns.Reserve(num_pairs);
  }

  // Needed only while it is made.
  std::vector<int32_t> local;  // [experts] index among this rank's
  std::vector<int32_t> next;
};

// local_experts: this rank's, ascending. `reuse` gives its memory to the result.
ExpertPlan PlanExperts(std::span<const IncomingPairs> homes, std::span<const int> local_experts,
                       int num_experts, int topk, ExpertPlan reuse = {});

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_EXPERT_PLAN_H_
