#include "runtime/model/experts.h"

#include <algorithm>

namespace octet {

Matrix Experts::Forward(ConstMatrix rows, const DispatchPlan& plan) {
  const PhaseClock::Scope timing(context_.clock, Phase::kExperts);
  const Matrix out = context_.workspace.Alloc(std::ssize(plan.expert_rows), rows.cols);
  for (size_t i = 0; i < plan.local_experts.size(); ++i) {
    const int64_t end = plan.expert_offsets[i + 1];
    for (int64_t first = plan.expert_offsets[i]; first < end; first += kRowsAtATime) {
      const int64_t num_rows = std::min(kRowsAtATime, end - first);
      ForwardOne(*weights_.experts[plan.local_experts[i]], rows,
                 std::span(plan.expert_rows).subspan(first, num_rows), out.Rows(first, num_rows));
    }
  }
  return out;
}

void Experts::ForwardOne(const ExpertWeights& expert, ConstMatrix rows,
                         std::span<const int32_t> indices, Matrix out) {
  const Workspace::Scope scope(context_.workspace);
  Backend& backend = context_.backend;
  const Matrix x = context_.workspace.Alloc(out.rows, rows.cols, rows.dtype);
  const Matrix gate = context_.workspace.Alloc(out.rows, expert.w1.rows);
  const Matrix up = context_.workspace.Alloc(out.rows, expert.w3.rows);
  backend.GatherRows(rows, indices, x);
  backend.Matmul(x, expert.w1, gate);
  backend.Matmul(x, expert.w3, up);
  backend.SwiGlu(gate, up, gate);
  backend.Matmul(context_.Rounded(gate), expert.w2, out);
}

}  // namespace octet
