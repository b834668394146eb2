// The work of this rank's experts in one layer.

#ifndef OCTET_PARALLEL_DISPATCH_EXPERT_PLAN_H_
#define OCTET_PARALLEL_DISPATCH_EXPERT_PLAN_H_

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/base/row_sums.h"
#include "parallel/dispatch/letter.h"

namespace octet {

// The pairs that one home sends to this rank.
struct IncomingPairs {
  std::span<const RoutedPair> pairs;  // in the order of its tokens and slots
  int32_t first_row = 0;              // index of the token that the pairs call row 0
  int32_t first_result = 0;           // index of the first row that goes back to the home
};

namespace cuda {
struct DeviceExpertPlan;
}

struct ExpertPlan {
  std::vector<int32_t> offsets;  // [local experts + 1] into rows
  std::vector<int32_t> rows;     // of each (token, slot) pair's token, grouped by local expert
  RowSums returns;               // sums of outputs, home by home in the order of its pairs

  // Instead of these, a plan that was made on the device, of at most so many rows; unless null.
  const cuda::DeviceExpertPlan* on_device = nullptr;
  int64_t most_rows = 0;

  int64_t num_rows() const { return on_device != nullptr ? most_rows : std::ssize(rows); }

  // Makes room for plans of `num_pairs` pairs.
  void Reserve(int64_t num_pairs) {
    rows.reserve(num_pairs);
    returns.Reserve(num_pairs);
  }

  // Used by PlanExperts only.
  std::vector<int32_t> local;  // [experts] index among the local experts
  std::vector<int32_t> next;
};

// local_experts: the experts of this rank, ascending. `reuse` gives its memory to the result.
ExpertPlan PlanExperts(std::span<const IncomingPairs> homes, std::span<const int> local_experts,
                       int num_experts, int topk, ExpertPlan reuse = {});

}  // namespace octet

#endif  // OCTET_PARALLEL_DISPATCH_EXPERT_PLAN_H_
