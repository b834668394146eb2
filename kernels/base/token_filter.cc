#include "kernels/base/token_filter.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>

#include "kernels/base/check.h"

namespace octet {
namespace {

// Most answers need few of the best tokens, so these are found first.
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

void TokenFilter::Reserve(size_t vocab_size) {
  kept_.reserve(vocab_size);
  sorted_.reserve(vocab_size);
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

// Sorts the kept tokens, best first, as far as needed, and drops the rest. They are sorted by id.
void TokenFilter::KeepBest(std::span<const float> probabilities, const TokenFilterParams& params) {
  const auto is_better = [&](int32_t a, int32_t b) {
    return probabilities[a] > probabilities[b] || (probabilities[a] == probabilities[b] && a < b);
  };
  const auto top_k = static_cast<size_t>(params.top_k);
  const bool cuts = top_k > 0 && top_k < kept_.size();
  if (cuts) {
    std::nth_element(kept_.begin(), kept_.begin() + params.top_k, kept_.end(), is_better);
    kept_.resize(top_k);
    std::sort(kept_.begin(), kept_.end(), is_better);
  }
  if (params.top_p >= 1) return;
  const double wanted = params.top_p * Sum(probabilities, kept_);
  if (!cuts) {
    sorted_.resize(std::min(kept_.size(), kFirstSorted));
    std::partial_sort_copy(kept_.begin(), kept_.end(), sorted_.begin(), sorted_.end(), is_better);
    if (Cut(probabilities, wanted, sorted_)) return kept_.swap(sorted_);
    SortKept(probabilities);
  }
  Cut(probabilities, wanted, kept_);
}

// Drops the tokens after the one with which the sum reaches `wanted`. Returns false if none does.
bool TokenFilter::Cut(std::span<const float> probabilities, double wanted,
                      std::vector<int32_t>& tokens) {
  double sum = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    sum += probabilities[tokens[i]];
    if (sum < wanted) continue;
    tokens.resize(i + 1);
    return true;
  }
  return false;
}

// Sorts the kept tokens, best first, digit by digit: comparisons would take more time than the rest
// of a step. Equal ones stay sorted by id.
void TokenFilter::SortKept(std::span<const float> probabilities) {
  constexpr int kDigitBits = 11;
  constexpr uint32_t kDigits = 1U << kDigitBits;
  sorted_.resize(kept_.size());
  for (int shift = 0; shift < 32; shift += kDigitBits) {
    const auto digit = [&](int32_t token) {  // greater probabilities have smaller digits
      return ~std::bit_cast<uint32_t>(probabilities[token]) >> shift & (kDigits - 1);
    };
    std::array<uint32_t, kDigits + 1> first = {};
    for (const int32_t token : kept_) ++first[digit(token) + 1];
    std::partial_sum(first.begin(), first.end(), first.begin());
    for (const int32_t token : kept_) sorted_[first[digit(token)]++] = token;
    kept_.swap(sorted_);
  }
}

}  // namespace octet
