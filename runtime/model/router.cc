#include "runtime/model/router.h"

#include <utility>

namespace octet {

const Routing& Router::Route(ConstMatrix x) {
  const PhaseClock::Scope timing(context_.clock, Phase::kRouter);
  const Workspace::Scope scope(context_.workspace);
  const Matrix probabilities = context_.workspace.Alloc(x.rows, gate_.rows);
  context_.backend.Matmul(x, gate_, probabilities);
  context_.backend.Softmax(probabilities, {}, probabilities);

  routing_.num_tokens = x.rows;
  routing_.topk = topk_;
  routing_.topk_idx.resize(x.rows * topk_);
  routing_.topk_weights.resize(x.rows * topk_);
  for (int64_t token = 0; token < x.rows; ++token) ChooseBest(token, probabilities.f32(token));
  return routing_;
}

void Router::ChooseBest(int64_t token, float* probabilities) {
  constexpr float kChosen = -1;
  const auto best_left = [&] {
    int32_t best = -1;
    for (int32_t e = 0; e < gate_.rows; ++e) {
      if (probabilities[e] == kChosen) continue;
      if (best < 0 || probabilities[e] > probabilities[best]) best = e;
    }
    return best;
  };
  int32_t* idx = routing_.topk_idx.data() + token * topk_;
  float* weights = routing_.topk_weights.data() + token * topk_;
  float sum = 0;
  for (int slot = 0; slot < topk_; ++slot) {
    idx[slot] = best_left();
    weights[slot] = std::exchange(probabilities[idx[slot]], kChosen);
    sum += weights[slot];
  }
  for (int slot = 0; slot < topk_; ++slot) weights[slot] /= sum;
}

}  // namespace octet
