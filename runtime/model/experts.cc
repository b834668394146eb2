#include "runtime/model/experts.h"

namespace octet {

void Experts::Use(const LayerWeights& weights) {
  weights_.clear();
  for (const auto& expert : weights.experts) {
    if (expert != nullptr) weights_.push_back(expert.get());
  }
}

Matrix Experts::Forward(const ExecutionContext& context, ConstMatrix rows,
                        const ExpertPlan& plan) const {
  const PhaseClock::Scope timing(context.clock, Phase::kExperts);
  OCTET_CHECK_EQ(plan.offsets.size(), weights_.size() + 1);
  const Matrix out = context.workspace.Alloc(std::ssize(plan.rows), rows.cols);
  context.backend.GroupedSwiGlu(rows, plan.rows, plan.offsets, weights_, out);
  return out;
}

}  // namespace octet
