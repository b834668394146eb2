// A filter that draws from the likely tokens only.

#ifndef OCTET_KERNELS_BASE_TOKEN_FILTER_H_
#define OCTET_KERNELS_BASE_TOKEN_FILTER_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace octet {

// The parameters of a filter. Each stage keeps a part of what the previous stage left. The best
// token always stays.
struct TokenFilterParams {
  float min_p = 0;    // keeps tokens with at least this share of the best one's probability
  int32_t top_k = 0;  // keeps the best k; 0 keeps all
  float top_p = 1;    // keeps the fewest, best first, that have this share of the rest
};

class TokenFilter {
 public:
  // Draws a token: the one at which the cumulative probability of the kept tokens passes `u` of
  // their sum, 0 <= u < 1. probabilities: [vocab_size], which need not sum to 1.
  int32_t Draw(std::span<const float> probabilities, const TokenFilterParams& params, double u);

  // Draws from as many tokens, or fewer, allocate nothing from now on.
  void Reserve(size_t vocab_size);

 private:
  void KeepMinP(std::span<const float> probabilities, float min_p);
  void KeepBest(std::span<const float> probabilities, const TokenFilterParams& params);
  void SortKept(std::span<const float> probabilities);
  static bool Cut(std::span<const float> probabilities, double wanted,
                  std::vector<int32_t>& tokens);

  std::vector<int32_t> kept_;
  std::vector<int32_t> sorted_;  // room
};

}  // namespace octet

#endif  // OCTET_KERNELS_BASE_TOKEN_FILTER_H_
