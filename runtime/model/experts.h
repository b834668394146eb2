// This rank's experts of one layer.

#ifndef OCTET_RUNTIME_MODEL_EXPERTS_H_
#define OCTET_RUNTIME_MODEL_EXPERTS_H_

#include <vector>

#include "parallel/dispatch/expert_plan.h"
#include "runtime/checkpoint/weights.h"
#include "runtime/model/execution_context.h"

namespace octet {

// This rank's experts of one layer, computed as a grouped SwiGLU: each expert takes all of its
// tokens as one matrix.
class Experts {
 public:
  Experts(Backend& backend, int64_t intermediate_size, const LayerWeights& weights)
      : backend_(backend),
        table_({.room = std::ssize(weights.experts), .intermediate_size = intermediate_size}) {
    Use(weights);
  }

  // Uses the same layer's experts from now on, after some have come or gone.
  void Use(const LayerWeights& weights);

  // rows: [.., hidden_size] of the context's dtype; plan.rows has indices of them. Returns [(token,
  // slot) pairs, hidden_size] float32 in the order of plan.rows.
  Matrix Forward(const ExecutionContext& context, ConstMatrix rows, const ExpertPlan& plan) const;

 private:
  Backend& backend_;
  ExpertTable table_;
  std::vector<const ExpertWeights*> weights_;  // of this rank's experts, ascending
};

}  // namespace octet

#endif  // OCTET_RUNTIME_MODEL_EXPERTS_H_
