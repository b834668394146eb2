#include "launch/eval/peer_windows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

namespace octet {
namespace {

using testing::ElementsAre;

constexpr int32_t kBosId = 1;

// A context, and the token that is scored after it.
using ScoredToken = std::vector<int32_t>;

std::vector<ScoredToken> TokensOf(const PeerWindows& windows) {
  std::vector<ScoredToken> all;
  for (int64_t i = 0; i < windows.count(); ++i) {
    const ScoredWindow w = windows.Get(i);
    EXPECT_LT(w.first_scored, std::ssize(w.prompt));
    for (int64_t t = w.first_scored; t < std::ssize(w.prompt); ++t) {
      all.emplace_back(w.prompt.begin(), w.prompt.begin() + t + 1);
    }
  }
  return all;
}

std::vector<int32_t> TextOf(int tokens) {
  std::vector<int32_t> ids(tokens);
  std::iota(ids.begin(), ids.end(), 100);
  return ids;
}

// The loop of transformers' guide, with its labels of -100.
std::vector<ScoredToken> GuideOfTransformers(std::vector<int32_t> ids, int window, int stride) {
  ids.insert(ids.begin(), kBosId);
  const int length = static_cast<int>(ids.size());
  std::vector<ScoredToken> all;
  int previous_end = 0;
  for (int begin = 0; begin < length; begin += stride) {
    const int end = std::min(begin + window, length);
    const int targets = end - previous_end;
    for (int t = begin + 1; t < end; ++t) {  // labels are shifted by one
      if (t < end - targets) continue;       // -100
      all.emplace_back(ids.begin() + begin, ids.begin() + t + 1);
    }
    previous_end = end;
    if (end == length) break;
  }
  return all;
}

TEST(PeerWindows, OfTransformers) {
  for (int n = 1; n <= 14; ++n) {
    for (int window = 2; window <= n + 2; ++window) {
      for (int stride = 1; stride <= window; ++stride) {
        const std::vector<int32_t> ids = TextOf(n);
        const PeerWindows windows(PerplexityConvention::kHuggingFace, ids, kBosId, window, stride);
        EXPECT_EQ(TokensOf(windows), GuideOfTransformers(ids, window, stride))
            << n << " " << window << " " << stride;
      }
    }
  }
}

TEST(PeerWindows, OfLlamaCpp) {
  const std::vector<int32_t> ids = TextOf(9);
  const PeerWindows windows(PerplexityConvention::kLlamaCpp, ids, kBosId, 4, 4);
  // BOS 100 101 102 | 103 104 105 106 | 107 108, of which position 3 alone lies behind 4 / 2.
  EXPECT_THAT(TokensOf(windows),
              ElementsAre(ElementsAre(1, 100, 101, 102), ElementsAre(1, 104, 105, 106)));
  EXPECT_EQ(PeerWindows(PerplexityConvention::kLlamaCpp, ids, kBosId, 11, 11).count(), 0);
}

// A chunk of n tokens scores n - n / 2 - 1.
TEST(PeerWindows, OfLlamaCppScoreTheSecondHalf) {
  for (int window = 3; window <= 9; ++window) {
    const std::vector<int32_t> ids = TextOf(40);
    const PeerWindows windows(PerplexityConvention::kLlamaCpp, ids, kBosId, window, window);
    EXPECT_EQ(windows.count(), 41 / window);
    EXPECT_EQ(TokensOf(windows).size(), windows.count() * (window - window / 2 - 1)) << window;
  }
}

}  // namespace
}  // namespace octet
