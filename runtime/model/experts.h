// This rank's experts of one layer.

#ifndef OCTET_RUNTIME_MODEL_EXPERTS_H_
#define OCTET_RUNTIME_MODEL_EXPERTS_H_

#include "parallel/dispatch_plan.h"
#include "runtime/model/execution_context.h"
#include "runtime/model/weights.h"

namespace octet {

// Grouped SwiGLU: each expert sees all of its tokens as one matrix.
class Experts {
 public:
  // Rows of one expert that are computed at a time: enough to hide the reading of its weights, few
  // enough that what lies between w1 and w2 stays small.
  static constexpr int64_t kRowsAtATime = 64;

  Experts(const ExecutionContext& context, const LayerWeights& weights)
      : context_(context), weights_(weights) {}

  // rows: [plan.num_rows(), hidden_size] of the context's dtype.
  // Returns [(token, slot) pairs, hidden_size] float32 in the order of plan.expert_rows.
  Matrix Forward(ConstMatrix rows, const DispatchPlan& plan);

 private:
  void ForwardOne(const ExpertWeights& expert, ConstMatrix rows, std::span<const int32_t> indices,
                  Matrix out);

  const ExecutionContext& context_;
  const LayerWeights& weights_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_EXPERTS_H_
