#include "runtime/model/experts.h"

namespace octet {

Experts::Experts(const ExecutionContext& context, const LayerWeights& weights) : context_(context) {
  for (const auto& expert : weights.experts) {
    if (expert != nullptr) weights_.push_back(expert.get());
  }
}

Matrix Experts::Forward(ConstMatrix rows, const DispatchPlan& plan) {
  const PhaseClock::Scope timing(context_.clock, Phase::kExperts);
  OCTET_CHECK_EQ(plan.local_experts.size(), weights_.size());
  const Matrix out = context_.workspace.Alloc(std::ssize(plan.expert_rows), rows.cols);
  context_.backend.GroupedSwiGlu(rows, plan.expert_rows, plan.expert_offsets, weights_, out);
  return out;
}

}  // namespace octet
