#include "tests/support/same_weights.h"

#include <gtest/gtest.h>

#include <cstring>

namespace octet {
namespace {

bool SameMemory(const Buffer& a, const Buffer& b) {
  return a.bytes() == b.bytes() && std::memcmp(a.data(), b.data(), a.bytes()) == 0;
}

}  // namespace

void ExpectSameExperts(const ModelWeights& a, const ModelWeights& b) {
  ASSERT_EQ(a.layers.size(), b.layers.size());
  for (size_t l = 0; l < a.layers.size(); ++l) {
    for (size_t e = 0; e < a.layers[l].experts.size(); ++e) {
      const ExpertWeights* x = a.layers[l].experts[e].get();
      const ExpertWeights* y = b.layers[l].experts[e].get();
      ASSERT_EQ(x != nullptr, y != nullptr) << l << " " << e;
      if (x == nullptr) continue;
      EXPECT_TRUE(SameMemory(x->gate_up.buffer, y->gate_up.buffer)) << l << " " << e;
      EXPECT_TRUE(SameMemory(x->down.buffer, y->down.buffer)) << l << " " << e;
    }
  }
}

void ExpectSameWeights(const ModelWeights& a, const ModelWeights& b) {
  EXPECT_TRUE(SameMemory(a.replicated, b.replicated));
  ExpectSameExperts(a, b);
}

}  // namespace octet
