#include "runtime/model/router.h"

#include <utility>

namespace octet {

void Router::Route(const ExecutionContext& context, ConstMatrix x, Routing& routing) const {
  const PhaseClock::Scope timing(context.clock, Phase::kRouter);
  const Workspace::Scope scope(context.workspace);
  const Matrix probabilities = context.workspace.Alloc(x.rows, gate_.rows);
  context.backend.Matmul(x, gate_, probabilities);
  context.backend.Softmax(probabilities, {}, probabilities);

  routing.num_tokens = x.rows;
  routing.topk = topk_;
  routing.topk_idx.resize(x.rows * topk_);
  routing.topk_weights.resize(x.rows * topk_);
  for (int64_t token = 0; token < x.rows; ++token) {
    ChooseBest(probabilities.f32(token), &routing.topk_idx[token * topk_],
               &routing.topk_weights[token * topk_]);
  }
}

void Router::ChooseBest(float* probabilities, int32_t* idx, float* weights) const {
  constexpr float kChosen = -1;
  const auto best_left = [&] {
    int32_t best = -1;
    for (int32_t e = 0; e < gate_.rows; ++e) {
      if (probabilities[e] == kChosen) continue;
      if (best < 0 || probabilities[e] > probabilities[best]) best = e;
    }
    return best;
  };
  float sum = 0;
  for (int slot = 0; slot < topk_; ++slot) {
    idx[slot] = best_left();
    weights[slot] = std::exchange(probabilities[idx[slot]], kChosen);
    sum += weights[slot];
  }
  for (int slot = 0; slot < topk_; ++slot) weights[slot] /= sum;
}

}  // namespace octet
