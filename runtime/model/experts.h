// This rank's experts of one layer.

#ifndef OCTET_RUNTIME_MODEL_EXPERTS_H_
#define OCTET_RUNTIME_MODEL_EXPERTS_H_

#include "parallel/dispatch/dispatch_plan.h"
#include "runtime/checkpoint/weights.h"
#include "runtime/model/execution_context.h"

namespace octet {

// Grouped SwiGLU: each expert sees all of its tokens as one matrix.
class Experts {
 public:
  Experts(const ExecutionContext& context, const LayerWeights& weights);

  // rows: [.., hidden_size] of the context's dtype, which plan.expert_rows counts.
  // Returns [(token, slot) pairs, hidden_size] float32 in the order of plan.expert_rows.
  Matrix Forward(ConstMatrix rows, const DispatchPlan& plan);

 private:
  const ExecutionContext& context_;
  std::vector<const ExpertWeights*> weights_;  // of this rank's experts, ascending
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_EXPERTS_H_
