#include "kernels/base/token_filter.h"

#include <algorithm>

#include "kernels/base/check.h"

namespace octet {
namespace {

// Most answers need few of the best tokens, so these are sorted first.
constexpr size_t kFirstSorted = 64;

double Sum(std::span<const float> probabilities, std::span<const int32_t> tokens) {
  double sum = 0;
  for (const int32_t t : tokens) sum += probabilities[t];
  return sum;
}

}  // namespace

int32_t TokenFilter::Draw(std::span<const float> probabilities, const TokenFilterParams& params,
                          double u) {
  KeepMinP(probabilities, params.min_p);
  OCTET_CHECK(!kept_.empty());
  if (params.top_k > 0 || params.top_p < 1) KeepBest(probabilities, params);
  const double wanted = u * Sum(probabilities, kept_);
  double sum = 0;
  for (const int32_t t : kept_) {
    sum += probabilities[t];
    if (sum > wanted) return t;
  }
  return kept_.back();
}

// Keeps tokens with a probability above 0, by id.
void TokenFilter::KeepMinP(std::span<const float> probabilities, float min_p) {
  const float best = *std::max_element(probabilities.begin(), probabilities.end());
  const float least = min_p * best;
  kept_.clear();
  for (size_t t = 0; t < probabilities.size(); ++t) {
    if (probabilities[t] > 0 && probabilities[t] >= least) {
      kept_.push_back(static_cast<int32_t>(t));
    }
  }
}

// Sorts the kept tokens, best first, as far as needed, and drops the rest.
void TokenFilter::KeepBest(std::span<const float> probabilities, const TokenFilterParams& params) {
  const auto is_better = [&](int32_t a, int32_t b) {
    return probabilities[a] > probabilities[b] || (probabilities[a] == probabilities[b] && a < b);
  };
  const auto top_k = static_cast<size_t>(params.top_k);
  if (top_k > 0 && top_k < kept_.size()) {
    std::nth_element(kept_.begin(), kept_.begin() + params.top_k, kept_.end(), is_better);
    kept_.resize(top_k);
    std::sort(kept_.begin(), kept_.end(), is_better);
  }
  if (params.top_p >= 1) return;
  const double wanted = params.top_p * Sum(probabilities, kept_);
  double sum = 0;
  size_t sorted = 0;
  for (size_t i = 0; i < kept_.size(); ++i) {
    if (i == sorted) {
      sorted = std::min(kept_.size(), std::max(kFirstSorted, 8 * sorted));
      std::partial_sort(kept_.begin() + i, kept_.begin() + sorted, kept_.end(), is_better);
    }
    sum += probabilities[kept_[i]];
    if (sum >= wanted) return kept_.resize(i + 1);
  }
}

}  // namespace octet
