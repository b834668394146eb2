#include "kernels/base/token_filter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace octet {
namespace {

// What the class says, without a thought for time.
int32_t DrawPlainly(const std::vector<float>& p, const TokenFilterParams& params, double u) {
  std::vector<int32_t> kept;
  const float best = *std::ranges::max_element(p);
  for (int32_t t = 0; t < std::ssize(p); ++t) {
    if (p[t] > 0 && p[t] >= params.min_p * best) kept.push_back(t);
  }
  const auto sum = [&] {
    double total = 0;
    for (const int32_t t : kept) total += p[t];
    return total;
  };
  const auto sort = [&] {
    std::ranges::stable_sort(kept, [&](int a, int b) { return p[a] > p[b]; });
  };
  if (params.top_k > 0 && params.top_k < std::ssize(kept)) {
    sort();
    kept.resize(params.top_k);
  }
  if (params.top_p < 1) {
    const double wanted = params.top_p * sum();
    sort();
    double reached = 0;
    size_t count = 0;
    while (count < kept.size() && reached < wanted) reached += p[kept[count++]];
    kept.resize(count);
  }
  const double wanted = u * sum();
  double reached = 0;
  for (const int32_t t : kept) {
    reached += p[t];
    if (reached > wanted) return t;
  }
  return kept.back();
}

// Flat and peaked ones, with many equal ones among them, of which few or nearly all are kept.
TEST(TokenFilterTest, DrawsAsIfAllWereSorted) {
  std::mt19937 generator(5);
  std::normal_distribution<float> normal;
  TokenFilter filter;
  for (const float scale : {0.0F, 0.01F, 1.0F, 6.0F}) {
    for (const size_t vocab : {1, 63, 65, 5000}) {
      std::vector<float> p(vocab);
      for (float& x : p) x = std::exp(scale * std::round(8 * normal(generator)) / 8);
      if (vocab > 2) p[2] = 0;
      for (const TokenFilterParams& params : {TokenFilterParams{},
                                              {.top_p = 0.001F},
                                              {.top_p = 0.5F},
                                              {.top_p = 0.9999F},
                                              {.top_k = 70, .top_p = 0.9F},
                                              {.min_p = 0.3F, .top_p = 0.7F},
                                              {.top_k = 4000}}) {
        for (const double u : {0.0, 0.25, 0.5, 1 - 0x1p-53}) {
          EXPECT_EQ(filter.Draw(p, params, u), DrawPlainly(p, params, u))
              << scale << " " << vocab << " " << params.top_p << " " << u;
        }
      }
    }
  }
}

}  // namespace
}  // namespace octet
