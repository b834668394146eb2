// Draws from the likely tokens only.

#ifndef OCTET_RUNTIME_ENGINE_TOKEN_FILTER_H_
#define OCTET_RUNTIME_ENGINE_TOKEN_FILTER_H_

#include <cstdint>
#include <span>
#include <vector>

namespace octet {

// Each keeps part of what the one before has left. The best token always stays.
struct TokenFilterParams {
  float min_p = 0;    // those with at least this share of the best one's probability
  int32_t top_k = 0;  // the best k; 0: all
  float top_p = 1;    // the fewest, best first, that together have this share of the rest
};

class TokenFilter {
 public:
  // The token at which the cumulative probability of those that are kept passes `u` of their sum,
  // 0 <= u < 1. probabilities: [vocab_size], need not sum to 1.
  int32_t Draw(std::span<const float> probabilities, const TokenFilterParams& params, double u);

 private:
  void KeepMinP(std::span<const float> probabilities, float min_p);
  void KeepBest(std::span<const float> probabilities, const TokenFilterParams& params);

  std::vector<int32_t> kept_;
};

}  // namespace octet

#endif  // OCTET_RUNTIME_ENGINE_TOKEN_FILTER_H_
