#include "runtime/model/router.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kernels/cpu/make_cpu_backend.h"
#include "tests/support/reference.h"

namespace octet {
namespace {

class RouterTest : public testing::TestWithParam<Isa> {
 protected:
  Routing Route(const OwnedMatrix& gate, ConstMatrix x, int topk) {
    const PackedMatrix packed = PackAll(*backend_, gate, DType::kF32);
    Routing routing;
    Router(packed, topk).Route(context_, x, routing);
    return routing;
  }

  std::unique_ptr<Backend> backend_ = MakeCpuBackend(GetParam(), 1);
  Workspace workspace_{[this](size_t bytes) { return backend_->Allocate(bytes); }};
  PhaseClock clock_;
  ExecutionContext context_{*backend_, workspace_, clock_, DType::kF32};
};

// softmax(x gate^T) over all experts, the best k, renormalised: in double, with loops.
TEST_P(RouterTest, EqualsTheReference) {
  for (const auto& [experts, topk] : std::vector<std::pair<int, int>>{
           {8, 2}, {5, 3}, {8, 8}, {1, 1}, {16, 2}, {17, 4}, {64, 6}}) {
    const auto gate = OwnedMatrix::Random(experts, 80, DType::kF32, 1, 0.2);
    const auto x = OwnedMatrix::Random(33, 80, DType::kF32, 2);
    const Routing routing = Route(gate, x.view(), topk);
    ASSERT_EQ(routing.num_tokens, 33);
    ASSERT_EQ(routing.topk, topk);
    for (int64_t t = 0; t < 33; ++t) {
      std::vector<double> p(experts);
      for (int e = 0; e < experts; ++e) {
        double logit = 0;
        for (int64_t k = 0; k < 80; ++k) logit += static_cast<double>(x.at(t, k)) * gate.at(e, k);
        p[e] = std::exp(logit);
      }
      std::vector<int32_t> order(experts);
      std::iota(order.begin(), order.end(), 0);
      std::stable_sort(order.begin(), order.end(), [&](int a, int b) { return p[a] > p[b]; });
      double sum = 0;
      for (int slot = 0; slot < topk; ++slot) sum += p[order[slot]];
      for (int slot = 0; slot < topk; ++slot) {
        ASSERT_EQ(routing.topk_idx[t * topk + slot], order[slot]) << t;
        ASSERT_NEAR(routing.topk_weights[t * topk + slot], p[order[slot]] / sum, 1e-6);
      }
    }
  }
}

TEST_P(RouterTest, ShrinksToNoTokens) {
  const PackedMatrix gate =
      PackAll(*backend_, OwnedMatrix::Random(8, 16, DType::kF32, 5), DType::kF32);
  const auto x = OwnedMatrix::Random(9, 16, DType::kF32, 6);
  const Router router(gate, 2);
  Routing routing;
  router.Route(context_, x.view(), routing);
  EXPECT_EQ(routing.topk_idx.size(), 18U);
  router.Route(context_, x.view().Rows(0, 0), routing);
  EXPECT_EQ(routing.num_tokens, 0);
  EXPECT_TRUE(routing.topk_idx.empty());
  EXPECT_TRUE(routing.topk_weights.empty());
}

INSTANTIATE_TEST_SUITE_P(Paths, RouterTest, testing::ValuesIn(SupportedIsas()),
                         [](const auto& test) { return Name(test.param); });

}  // namespace
}  // namespace octet
