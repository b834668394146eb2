#include "runtime/model/experts.h"

namespace octet {

void Experts::Use(const LayerWeights& weights) {
  weights_.clear();
  for (const auto& expert : weights.experts) {
    if (expert != nullptr) weights_.push_back(expert.get());
  }
  backend_.WriteTable(weights_, table_);
}

Matrix Experts::Forward(const ExecutionContext& context, ConstMatrix rows,
                        const ExpertPlan& plan) const {
  const PhaseClock::Scope timing(context.clock, Phase::kExperts);
  const Matrix out = context.workspace.Alloc(plan.num_rows(), rows.cols);
  if (plan.on_device != nullptr) {
    context.backend.PlannedSwiGlu(rows, *plan.on_device, table_, out);
    return out;
  }
  OCTET_CHECK_EQ(plan.offsets.size(), weights_.size() + 1);
  context.backend.GroupedSwiGlu(rows, plan.rows, plan.offsets, weights_, out);
  return out;
}

}  // namespace octet
